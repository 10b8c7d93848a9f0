package reach

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"wheelhouse/server"
)

// socket opens a WebSocket as a page would, and waits for the server to close it.
func (t *attempt) socket(ctx context.Context) bool {
	const name = "WebSocket"
	dialer := websocket.Dialer{NetDialContext: t.Dial, TLSClientConfig: t.tls(), HandshakeTimeout: timeout}
	conn, response, err := dialer.DialContext(ctx, strings.Replace(t.origin(), "http", "ws", 1)+server.ProbePath, http.Header{"Origin": {t.origin()}})
	if response != nil && err != nil {
		body, _ := io.ReadAll(response.Body) // gorilla/websocket has cut it
		return t.refused(response, body)
	}
	if err != nil {
		return t.failed(name, fmt.Sprintf("The handshake got no answer%s.", because(err)), upgradeAdvice)
	}
	defer conn.Close()
	conn.SetReadLimit(maxAnswer)
	conn.SetReadDeadline(time.Now().Add(timeout))
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return t.failed(name, "A WebSocket opens, but what the server sends on it does not come through.", "See what inspects traffic on the way: a firewall, a virus scanner, a proxy that buffers.")
	}
	t.found(name, OK, "WebSockets come through, from the origin "+t.origin()+".", "")
	return true
}

const upgradeAdvice = "Have the proxy pass WebSockets: HTTP/1.1 to Wheelhouse, and the headers Upgrade and Connection (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade). README.md has lines for nginx, Caddy and Traefik."

// refused says why a handshake got another answer than 101.
func (t *attempt) refused(response *http.Response, body []byte) bool {
	const name = "WebSocket"
	p, ours := problemOf(response, body)
	switch {
	case ours && response.StatusCode == http.StatusUpgradeRequired:
		return t.failed(name, "The proxy passes the request on without its headers Upgrade and Connection, so no terminal opens and the page is late.", upgradeAdvice)
	case ours && p.Code == "WrongOrigin":
		return t.failed("origin", "Wheelhouse refuses pages from "+t.origin()+", so no browser can log in: "+p.Detail,
			"Start it with --public-url "+t.origin()+", and have the proxy pass the headers Host and Origin as they came.")
	case ours && response.StatusCode == http.StatusTooManyRequests:
		t.found(name, Warning, "WebSockets were tried too often from here.", "Try again in a minute.")
		return true
	case response.StatusCode == http.StatusNotFound:
		return t.failed(name, "This Wheelhouse has no "+server.ProbePath+": it is older than this program.", "Upgrade it, or use the doctor of its own version.")
	}
	return t.failed(name, fmt.Sprintf("The handshake is answered with status %d rather than 101.", response.StatusCode), upgradeAdvice)
}

// applications sees that the students' own web pages can be shown where they are
// when --apps-url says nothing: under subdomains.
func (t *attempt) applications(ctx context.Context) {
	host := t.at.Hostname()
	if server.IsLoopback(host) || net.ParseIP(host) != nil {
		return
	}
	example := strings.Repeat("0", 32) + "." + host
	const name, next = "applications", "Add a DNS record and a certificate for %s, or give another place with --apps-url."
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if addresses, err := t.Lookup(ctx, example); err != nil || len(addresses) == 0 {
		t.found(name, Warning, fmt.Sprintf("Names under %s have no address, so students' own web pages do not show there.", host), fmt.Sprintf(next, "*."+host))
		return
	}
	if wrong := (x509.HostnameError{}); t.cert != nil && errors.As(t.cert.VerifyHostname(example), &wrong) {
		t.found(name, Warning, fmt.Sprintf("The certificate is not for *.%s, so students' own web pages do not show there.", host), fmt.Sprintf(next, "*."+host))
		return
	}
	t.found(name, OK, fmt.Sprintf("Students' own web pages can be shown under *.%s.", host), "")
}
