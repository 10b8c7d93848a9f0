// Package reach tries an address of Wheelhouse as a browser would: the name, the
// certificate, what answers, whether WebSockets come through, and what log-ins are
// kept by. It needs no log-in and changes nothing. "wheelhouse doctor --url" calls
// it, from whichever machine; it knows nothing of the machine that serves.
package reach

import (
	"cmp"
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"wheelhouse/server"
)

// Status is how a finding is to be taken.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // labs work, but something is worse than it could be
	Failure Status = "error"   // labs do not work under this address
)

// Finding is one thing that was tried.
type Finding struct {
	Name    string
	Status  Status
	Message string // what was found, a sentence
	Next    string // what to do about it; empty when OK
}

// Options change what a browser has of its own. The zero value is a browser that
// trusts what this machine trusts.
type Options struct {
	Roots  *x509.CertPool                                                       // nil: the machine's
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer's
	Lookup func(ctx context.Context, host string) ([]net.IPAddr, error)         // nil: net.DefaultResolver's
	Now    func() time.Time                                                     // nil: time.Now
}

// timeout is for each single thing that is tried.
const timeout = 10 * time.Second

// expirySoon is how long before its end a certificate is warned of. Those that
// are renewed by themselves have been by then.
const expirySoon = 7 * 24 * time.Hour

// attempt is one address that is tried.
type attempt struct {
	Options
	at       *url.URL // scheme and host only, as in an Origin header
	findings []Finding
	cert     *x509.Certificate // that was shown, and is valid for the address
}

// Try tries the address, one thing after another, and stops where the next could
// only fail for the same reason. It returns when all is tried or ctx ends.
func Try(ctx context.Context, address string, o Options) []Finding {
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupIPAddr
	}
	if o.Dial == nil {
		o.Dial = dial
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	at, err := server.ParseOrigin(address)
	if err != nil {
		return []Finding{{"address", Failure, quote(address) + " cannot be Wheelhouse's address: " + err.Error() + ".",
			"Give the address that browsers open, as in --url https://lab.example.org."}}
	}
	t := &attempt{Options: o, at: at}
	t.run(ctx)
	return t.findings
}

func (t *attempt) run(ctx context.Context) {
	client := t.client()
	defer client.CloseIdleConnections()
	if !t.resolve(ctx) || !t.connect(ctx) {
		return
	}
	if t.at.Scheme == "https" && !t.certificate(ctx) {
		return
	}
	if !t.identify(ctx, client) || !t.socket(ctx) {
		return
	}
	t.cookie(ctx, client)
	t.header(ctx, client)
	t.applications(ctx)
	if t.at.Scheme == "https" && t.at.Port() == "" {
		t.plain(ctx, client)
	}
}

// client returns what sends plain requests. It follows no redirect and keeps no
// cookie. It takes no proxy of this machine's environment: what is tried is the
// way to the server itself.
func (t *attempt) client() *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{DialContext: t.Dial, TLSClientConfig: t.tls(), ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (t *attempt) found(name string, status Status, message, next string) {
	t.findings = append(t.findings, Finding{name, status, message, next})
}

// failed adds a failure, and returns false for those who return whether to go on.
func (t *attempt) failed(name, message, next string) bool {
	t.found(name, Failure, message, next)
	return false
}

func (t *attempt) origin() string { return t.at.Scheme + "://" + t.at.Host }

// target is the host and the port to connect to.
func (t *attempt) target() string {
	return net.JoinHostPort(t.at.Hostname(), cmp.Or(t.at.Port(), map[string]string{"http": "80", "https": "443"}[t.at.Scheme]))
}
