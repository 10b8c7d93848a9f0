package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"wheelhouse/server"
)

func (t *attempt) resolve(ctx context.Context) bool {
	host := t.at.Hostname()
	if net.ParseIP(host) != nil || server.IsLoopback(host) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	addresses, err := t.Lookup(ctx, host)
	if err != nil || len(addresses) == 0 {
		return t.failed("DNS", fmt.Sprintf("The name %s has no address%s.", host, because(err)),
			"Add an A or AAAA record that leads to the machine, or correct the name.")
	}
	var list []string
	for _, address := range addresses {
		list = append(list, address.String())
	}
	t.found("DNS", OK, fmt.Sprintf("%s is %s.", host, strings.Join(list, ", ")), "")
	return true
}

// connect opens a TCP connection and closes it.
func (t *attempt) connect(ctx context.Context) bool {
	conn, err := t.dial(ctx, t.target())
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return t.failed("connection", "Nothing listens at "+t.target()+".",
			"Start the proxy, or Wheelhouse where there is none; where it runs, see which address and port it listens on.")
	case err != nil:
		return t.failed("connection", fmt.Sprintf("No connection to %s%s.", t.target(), because(err)),
			"See whether a firewall keeps the port closed, and whether the name leads to the right machine.")
	}
	conn.Close()
	t.found("connection", OK, t.target()+" is open.", "")
	return true
}

func (t *attempt) dial(ctx context.Context, target string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return t.Dial(ctx, "tcp", target)
}

func (t *attempt) tls() *tls.Config { return &tls.Config{RootCAs: t.Roots, Time: t.Now} }

func (t *attempt) certificate(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	plain, err := t.dial(ctx, t.target())
	if err != nil {
		return t.failed("certificate", fmt.Sprintf("No second connection to %s%s.", t.target(), because(err)), "See the log of the proxy.")
	}
	defer plain.Close()
	config := t.tls()
	config.ServerName = t.at.Hostname()
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		message, next := certificateFault(t.at.Hostname(), err)
		return t.failed("certificate", message, next)
	}
	t.cert = conn.ConnectionState().PeerCertificates[0]
	end := t.cert.NotAfter.UTC().Format("2 January 2006")
	if t.cert.NotAfter.Sub(t.Now()) < expirySoon {
		t.found("certificate", Warning, fmt.Sprintf("The certificate for %s ends on %s.", t.at.Hostname(), end),
			"Renew it, and see why that did not happen by itself. Wheelhouse reads its own at the start only.")
		return true
	}
	t.found("certificate", OK, fmt.Sprintf("The certificate is valid for %s until %s.", t.at.Hostname(), end), "")
	return true
}

// certificateFault says what is wrong with a handshake that failed.
func certificateFault(host string, err error) (message, next string) {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return "What listens there does not speak TLS.", "Set up TLS on this port of the proxy, or give --tls-cert and --tls-key to Wheelhouse."
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		names := strings.Join(wrong.Certificate.DNSNames, ", ")
		if names == "" {
			names = "no name"
		}
		return fmt.Sprintf("The certificate is not for %s but for %s.", host, names), "Get a certificate for " + host + ", and see that the proxy shows that one for this name."
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fmt.Sprintf("The certificate is valid only from %s to %s.", invalid.Cert.NotBefore.UTC().Format("2 January 2006"), invalid.Cert.NotAfter.UTC().Format("2 January 2006")),
			"Renew it; where it is new, correct the clock of this machine."
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "The certificate is signed by an authority that this machine does not trust.",
			"Have the server send the whole chain (fullchain.pem, not cert.pem). For an authority of your own, browsers have to trust it too; here SSL_CERT_FILE=ca.pem names it."
	}
	return fmt.Sprintf("The TLS handshake failed%s.", because(err)), "See the log of the proxy."
}

// because is the cause in a sentence that goes on; "" for none.
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + strings.TrimSuffix(err.Error(), ".")
}

func quote(text string) string { return fmt.Sprintf("%q", text) }

// dial connects as browsers do: every name under localhost is this machine.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
		address = net.JoinHostPort("localhost", port)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}
