package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"wheelhouse/server"
)

// maxAnswer is how many bytes of an answer are read: what Wheelhouse says is shorter.
const maxAnswer = 64 << 10

// problem is as much of Wheelhouse's application/problem+json as is looked at.
type problem struct{ Code, Detail string }

// problemOf reads a refusal of Wheelhouse's own; ok is false for anything else.
func problemOf(response *http.Response, body []byte) (p problem, ok bool) {
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json") {
		return p, false
	}
	return p, json.Unmarshal(body, &p) == nil && p.Code != ""
}

// request sends a request without a body and reads the answer.
func (t *attempt) request(ctx context.Context, client *http.Client, method, path string, header http.Header) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, t.origin()+path, nil)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response, body, err
}

// identify sees that Wheelhouse answers, under this name.
func (t *attempt) identify(ctx context.Context, client *http.Client) bool {
	response, body, err := t.request(ctx, client, http.MethodGet, "/api/me", nil)
	if err != nil {
		return t.failed("Wheelhouse", fmt.Sprintf("A request got no answer%s.", because(err)), "See the log of the proxy, and whether Wheelhouse runs.")
	}
	if location := response.Header.Get("Location"); response.StatusCode/100 == 3 && location != "" {
		return t.redirected(ctx, response, location)
	}
	if p, ours := problemOf(response, body); ours && p.Code == "WrongHost" {
		return t.failed("host name", "Wheelhouse answers, but it was asked under a name that is not its own: "+p.Detail,
			"Start it with --public-url "+t.origin()+", and have the proxy pass the Host header as it came (nginx: proxy_set_header Host $http_host).")
	}
	var me struct{ Mode, Version string }
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &me) != nil || me.Mode != "learn" && me.Mode != "serve" {
		return t.unknown(response)
	}
	t.found("Wheelhouse", OK, fmt.Sprintf("Wheelhouse %s answers (wheelhouse %s).", me.Version, me.Mode), "")
	if t.at.Scheme == "http" && !server.IsLoopback(t.at.Hostname()) {
		return t.failed("encryption", "Passwords would cross the network in the clear.", "Set up TLS, and give --public-url https://"+t.at.Hostname()+".")
	}
	return true
}

// redirected judges an answer that sends a browser elsewhere.
func (t *attempt) redirected(ctx context.Context, response *http.Response, location string) bool {
	to, err := response.Request.URL.Parse(location)
	if err != nil {
		return t.unknown(response)
	}
	target := to.Scheme + "://" + to.Host
	switch {
	case target == t.origin():
		return t.failed("redirect", fmt.Sprintf("/api/me is sent on to %s.", to.Path), "Wheelhouse needs all paths of this name, from / on: have the proxy pass them as they came.")
	case t.at.Scheme == "http" && to.Scheme == "https" && to.Hostname() == t.at.Hostname():
		t.found("redirect", OK, "Plain http is sent on to "+target+".", "")
	default:
		t.found("redirect", Warning, "Browsers are sent on to "+target+".", "Give people that address, and try it with --url "+target+".")
	}
	if len(t.findings) > maxFindings {
		return t.failed("redirect", "The redirects do not end.", "Correct the proxy.")
	}
	at, err := server.ParseOrigin(target)
	if err != nil {
		return t.failed("redirect", "That cannot be Wheelhouse's address: "+err.Error()+".", "Correct the proxy's redirect.")
	}
	t.at = at
	t.run(ctx)
	return false // all that is left was tried there
}

// maxFindings ends redirects in a circle: no address has as many.
const maxFindings = 20

// unknown says that something else than Wheelhouse answered.
func (t *attempt) unknown(response *http.Response) bool {
	who := ""
	if name := response.Header.Get("Server"); name != "" {
		who = fmt.Sprintf(" (%.60q)", name)
	}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return t.failed("Wheelhouse", fmt.Sprintf("A proxy%s answers with status %d: it does not reach Wheelhouse.", who, response.StatusCode),
			"Start Wheelhouse, and compare its --listen with the address that the proxy passes requests to.")
	}
	return t.failed("Wheelhouse", fmt.Sprintf("What answers%s is not Wheelhouse: GET /api/me has status %d and is of type %q.", who, response.StatusCode, response.Header.Get("Content-Type")),
		"Have the proxy pass all paths of this name to Wheelhouse as they came, with the Host header. Wheelhouse cannot be served below a path.")
}

// cookie looks at what log-ins are kept by, on the cookie that a log-out takes away.
func (t *attempt) cookie(ctx context.Context, client *http.Client) {
	const name = "log-in cookie"
	response, _, err := t.request(ctx, client, http.MethodPost, "/api/logout", http.Header{"Origin": {t.origin()}})
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.failed(name, "A POST does not come through.", "Have the proxy pass all methods, and the Origin header as it came.")
		return
	}
	want, secure := "wheelhouse", t.at.Scheme == "https"
	if secure {
		want = "__Host-wheelhouse"
	}
	for _, cookie := range response.Cookies() {
		if cookie.Name == want && cookie.Secure == secure && cookie.Path == "/" && cookie.Domain == "" && cookie.HttpOnly {
			t.found(name, OK, "The cookie of a log-in comes through as it has to be.", "")
			return
		}
	}
	t.failed(name, "The cookie of a log-in does not come through as Wheelhouse sends it ("+want+", Path=/, no Domain).",
		"Take what changes cookies out of the proxy (nginx: proxy_cookie_path, proxy_cookie_domain, proxy_hide_header).")
}

// header sends a header as long as those of browsers with cookies of a whole
// domain get.
func (t *attempt) header(ctx context.Context, client *http.Client) {
	const size = 6 << 10
	response, _, err := t.request(ctx, client, http.MethodGet, "/healthz", http.Header{"Cookie": {"other=" + strings.Repeat("x", size)}})
	if err != nil || response.StatusCode != http.StatusOK {
		t.found("long headers", Warning, fmt.Sprintf("A request with a header of %d KiB does not come through.", size>>10),
			"Raise the proxy's limit (nginx: large_client_header_buffers): cookies of other sites under the same domain take room.")
		return
	}
	t.found("long headers", OK, fmt.Sprintf("A header of %d KiB comes through.", size>>10), "")
}

// plain sees that whoever types the name alone gets to TLS.
func (t *attempt) plain(ctx context.Context, client *http.Client) {
	response, err := client.Do((&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: t.at.Hostname(), Path: "/"}}).WithContext(ctx))
	if err != nil {
		return // nothing there that could be wrong
	}
	response.Body.Close()
	if to, err := response.Location(); err == nil && to.Scheme == "https" {
		t.found("redirect", OK, "Plain http is sent on to https.", "")
		return
	}
	t.found("redirect", Warning, "Plain http is answered, and not sent on to https.", "Have the proxy redirect port 80 to "+t.origin()+".")
}
