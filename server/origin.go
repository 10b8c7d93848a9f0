package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/idna"
)

// origins are the addresses that this server goes by. All comparisons are of
// whole strings: nothing of what a browser sends is parsed, so that there is no
// parser to fool.
type origins struct {
	public string // as in an Origin header: "https://lab.example.org", "http://127.0.0.1:8080"
	host   string // as in a Host header: "lab.example.org", "127.0.0.1:8080"
	secure bool   // https

	spellings []string // Host headers in lower case that mean host, which is one of them
	aliases   []string // others that lead here; their pages are sent to public

	appScheme string // of the applications' origins; empty where there can be none
	appSuffix string // ".localhost:8080", ".lab.example.org"
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// newOrigins validates the public URL and the pattern of the applications'
// URLs, which may be empty.
func newOrigins(public, apps string) (*origins, error) {
	at, err := ParseOrigin(public)
	if err != nil {
		return nil, fmt.Errorf("server: public URL %q: %w", public, err)
	}
	o := &origins{public: at.Scheme + "://" + at.Host, host: at.Host, secure: at.Scheme == "https"}
	o.spellings = []string{at.Host}
	if at.Port() == "" { // some clients name the port that goes without saying
		o.spellings = append(o.spellings, at.Host+":"+defaultPorts[at.Scheme])
	}
	if net.ParseIP(at.Hostname()) == nil { // a name may end in the root's dot, which browsers keep
		rooted := at.Hostname() + "."
		o.aliases = append(o.aliases, rooted+port(at))
		if at.Port() == "" {
			o.aliases = append(o.aliases, rooted+":"+defaultPorts[at.Scheme])
		}
	}
	loopback := IsLoopback(at.Hostname())
	if !o.secure && !loopback {
		return nil, fmt.Errorf("server: public URL %q: plain http is for loopback only, as passwords and log-ins would cross the network in the clear: put a proxy with a certificate before Wheelhouse and give its https URL", public)
	}
	if loopback {
		for _, name := range []string{"localhost", "127.0.0.1", "[::1]"} {
			if alias := name + port(at); alias != at.Host {
				o.aliases = append(o.aliases, alias)
			}
		}
	}
	if apps == "" {
		apps = defaultApps(at, loopback)
	}
	if apps == "" {
		return o, nil
	}
	pattern, err := ParseOrigin(apps)
	if err != nil {
		return nil, fmt.Errorf("server: applications' URL %q: %w", apps, err)
	}
	suffix, ok := strings.CutPrefix(pattern.Host, "*.")
	if !ok || strings.Contains(suffix, "*") {
		return nil, fmt.Errorf(`server: applications' URL %q: its host has to start with "*.", as in https://*.apps.example.org`, apps)
	}
	o.appScheme, o.appSuffix = pattern.Scheme, "."+suffix
	return o, nil
}

// ParseOrigin parses scheme://host[:port] into what browsers send as an Origin:
// lower case, an international name in its ASCII form, and no port that is the
// scheme's own. The error says what is wrong without naming text.
func ParseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, errors.New("it does not parse; give it as https://lab.example.org")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("give it as https://lab.example.org or http://127.0.0.1:8080")
	}
	if u.Path != "" {
		return nil, fmt.Errorf("it cannot be served below a path such as %s: it needs a host name, or a port, of its own", u.Path)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("only scheme, host and port may be given")
	}
	if net.ParseIP(u.Hostname()) == nil && !strings.HasPrefix(u.Hostname(), "*.") {
		// Browsers send an international name in its ASCII form.
		name, err := idna.Lookup.ToASCII(strings.TrimSuffix(u.Hostname(), "."))
		if err != nil {
			return nil, fmt.Errorf("%s cannot be the name of a host", u.Hostname())
		}
		u.Host = name + port(u)
	}
	u.Host = strings.ToLower(u.Host)
	if u.Port() == defaultPorts[u.Scheme] || strings.HasSuffix(u.Host, ":") {
		u.Host = u.Host[:strings.LastIndexByte(u.Host, ':')]
	}
	return u, nil
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	return ":" + u.Port()
}

// IsLoopback reports whether a host, a name or an address, is this machine to a browser.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// defaultApps is where applications show when nobody says: browsers resolve
// every name under localhost to this machine. An address that is neither
// loopback nor a name has no subdomains.
func defaultApps(public *url.URL, loopback bool) string {
	if loopback {
		return "http://*.localhost" + port(public)
	}
	if net.ParseIP(public.Hostname()) != nil {
		return ""
	}
	return public.Scheme + "://*." + public.Host
}

// app returns the identifier of the application whose origin has this Host
// header.
func (o *origins) app(host string) (id string, ok bool) {
	if o.appScheme == "" || len(host) != appIDLen+len(o.appSuffix) {
		return "", false
	}
	id = host[:appIDLen]
	return id, host[appIDLen:] == o.appSuffix && isHex(id)
}

// appURL is the address of the application id, without a path.
func (o *origins) appURL(id string) string { return o.appScheme + "://" + id + o.appSuffix }

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// checkHost refuses requests under a name that is not ours. A page elsewhere
// whose name was made to resolve to this server (DNS rebinding) ends here.
// Health checks come from machines that know only an address, and tell nothing.
func (s *Server) checkHost(c *gin.Context) {
	host := strings.ToLower(c.Request.Host)
	switch {
	case slices.Contains(s.origins.spellings, host), c.FullPath() == "/healthz", c.FullPath() == "/readyz":
	case slices.Contains(s.origins.aliases, host) && isRead(c.Request) && !isAPI(c.Request):
		c.Redirect(http.StatusTemporaryRedirect, s.origins.public+c.Request.URL.RequestURI())
		c.Abort()
	default:
		s.fail(c, &problem{Status: http.StatusMisdirectedRequest, Code: "WrongHost",
			Detail: "This Wheelhouse is not known under that name. Open " + s.origins.public + " instead."})
	}
}

func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

func isAPI(r *http.Request) bool {
	return r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
}

// checkOrigin refuses what another origin's page makes a browser send. A method
// that changes something, and a WebSocket, need proof that the page is ours:
// the Origin header, which pages cannot set, or, for browsers that leave it out
// of their own origin's requests, Sec-Fetch-Site. Reads of the API are refused
// where the browser says that another site's page asks.
func (s *Server) checkOrigin(c *gin.Context) {
	r := c.Request
	origin, sent := r.Header["Origin"]
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case isSocket(r):
		// Only Origin counts here: browsers always send it with a WebSocket.
		if !s.sameOrigin(r) {
			s.fail(c, s.crossOrigin())
		}
	case sent && (len(origin) != 1 || origin[0] != s.origins.public):
		if !isRead(r) || isAPI(r) {
			s.fail(c, s.crossOrigin())
		}
	case isRead(r):
		foreign := site == "cross-site" || site == "same-site"
		if foreign && isAPI(r) && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			s.fail(c, s.crossOrigin())
		}
	case site != "same-origin" && (site != "" || !sent):
		s.fail(c, s.crossOrigin())
	}
}

// sameOrigin tells whether the one Origin header is exactly ours.
func (s *Server) sameOrigin(r *http.Request) bool {
	origin := r.Header["Origin"]
	return len(origin) == 1 && origin[0] == s.origins.public
}

// isSocket tells whether a request asks for a WebSocket, however it is spelt.
func isSocket(r *http.Request) bool {
	return r.Header.Get("Sec-Websocket-Key") != "" ||
		strings.Contains(strings.ToLower(strings.Join(r.Header["Upgrade"], ",")), "websocket")
}

// crossOrigin refuses a request from a page of another address. It says which
// address is right, as checkHost does: behind a proxy that sends another Host
// header than the browser's, the page itself is the one that is refused.
func (s *Server) crossOrigin() error {
	return &problem{Status: http.StatusForbidden, Code: "WrongOrigin",
		Detail: "This request does not come from Wheelhouse's own pages at " + s.origins.public + ", so it was refused. Open Wheelhouse there."}
}
