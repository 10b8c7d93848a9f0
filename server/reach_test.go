package server_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"wheelhouse/server/reach"
)

// front is a reverse proxy with TLS before a world. Its certificate is for
// 127.0.0.1 and example.com.
type front struct {
	*httptest.Server
	options reach.Options
	port    string
}

// newFront starts the proxy of a world whose public URL is public, where PORT
// stands for the proxy's port. change may change what goes on and what comes back.
func newFront(t *testing.T, public string, change func(*httputil.ReverseProxy)) *front {
	t.Helper()
	f := &front{Server: httptest.NewUnstartedServer(nil)}
	_, f.port, _ = net.SplitHostPort(f.Listener.Addr().String())
	w := newWorld(t, options{public: strings.ReplaceAll(public, "PORT", f.port)})
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: w.address})
		r.Out.Host = r.In.Host
	}}
	if change != nil {
		change(proxy)
	}
	f.Config.Handler = proxy
	f.StartTLS()
	t.Cleanup(f.Close)
	f.trust()
	return f
}

// trust has the doctor trust the certificate, and every name lead here.
func (f *front) trust() {
	f.options.Roots = x509.NewCertPool()
	f.options.Roots.AddCert(f.Certificate())
	f.options.Lookup = func(context.Context, string) ([]net.IPAddr, error) {
		return []net.IPAddr{{IP: net.IPv4(127, 0, 0, 1)}}, nil
	}
	f.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, f.Listener.Addr().String())
	}
}

// rewrite adds a change to what a proxy passes on.
func rewrite(change func(*httputil.ProxyRequest)) func(*httputil.ReverseProxy) {
	return func(proxy *httputil.ReverseProxy) {
		before := proxy.Rewrite
		proxy.Rewrite = func(r *httputil.ProxyRequest) {
			before(r)
			change(r)
		}
	}
}

// TestReach tries addresses that are set up well and badly. The last finding names
// what is wrong; it has a next step, and the ones before are in order.
func TestReach(t *testing.T) {
	own := "https://127.0.0.1:PORT"
	foreign := func(handler http.HandlerFunc) func(*testing.T) *front {
		return func(t *testing.T) *front {
			f := &front{Server: httptest.NewTLSServer(handler)}
			t.Cleanup(f.Close)
			_, f.port, _ = net.SplitHostPort(f.Listener.Addr().String())
			f.trust()
			return f
		}
	}
	proxied := func(public string, change func(*httputil.ReverseProxy)) func(*testing.T) *front {
		return func(t *testing.T) *front { return newFront(t, public, change) }
	}
	changed := func(start func(*testing.T) *front, change func(*front)) func(*testing.T) *front {
		return func(t *testing.T) *front {
			f := start(t)
			change(f)
			return f
		}
	}
	hello := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<h1>Welcome to nginx</h1>")) }
	for _, test := range []struct {
		name    string
		start   func(*testing.T) *front
		address string
		finding string       // that is not in order, by name; empty: all are
		status  reach.Status // of it
		want    []string     // in its message and its next step
	}{
		{"a good proxy", proxied(own, nil), own, "", "", nil},
		{"a proxy that drops Upgrade", proxied(own, rewrite(func(r *httputil.ProxyRequest) {
			r.Out.Header.Del("Upgrade")
			r.Out.Header.Del("Connection")
		})), own, "WebSocket", reach.Failure, []string{"without its headers Upgrade and Connection", "proxy_set_header Upgrade"}},
		{"a proxy that refuses WebSockets", proxied(own, func(proxy *httputil.ReverseProxy) {
			proxy.ModifyResponse = func(r *http.Response) error {
				if r.StatusCode == http.StatusSwitchingProtocols {
					return errors.New("no")
				}
				return nil
			}
		}), own, "WebSocket", reach.Failure, []string{"status 502 rather than 101"}},
		{"a proxy that changes Host", proxied("https://lab.example.org", nil), own, "host name", reach.Failure,
			[]string{"Open https://lab.example.org instead", "--public-url " + own, "Host header"}},
		{"a proxy before a server that knows nothing of it", proxied("http://127.0.0.1:1", rewrite(func(r *httputil.ProxyRequest) {
			r.Out.Host = "127.0.0.1:1"
		})), own, "origin", reach.Failure, []string{"pages at http://127.0.0.1:1", "--public-url " + own}},
		{"a proxy that changes cookies", proxied(own, func(proxy *httputil.ReverseProxy) {
			proxy.ModifyResponse = func(r *http.Response) error {
				r.Header.Set("Set-Cookie", strings.Replace(r.Header.Get("Set-Cookie"), "Path=/", "Path=/lab", 1))
				return nil
			}
		}), own, "log-in cookie", reach.Failure, []string{"__Host-wheelhouse", "proxy_cookie_path"}},
		{"a proxy with room for short headers only", proxied(own, rewrite(func(r *httputil.ProxyRequest) {
			if len(r.In.Header.Get("Cookie")) > 4096 {
				r.Out.URL.Path = "/nowhere"
			}
		})), own, "long headers", reach.Warning, []string{"6 KiB", "large_client_header_buffers"}},
		{"applications without a certificate", changed(proxied("https://example.com:PORT", nil), func(f *front) {
			lookup := f.options.Lookup
			f.options.Lookup = func(ctx context.Context, host string) ([]net.IPAddr, error) {
				if host != "example.com" {
					return nil, errors.New("no such host")
				}
				return lookup(ctx, host)
			}
		}), "https://example.com:PORT", "applications", reach.Warning, []string{"under example.com", "--apps-url"}},
		{"another site's certificate", proxied(own, nil), "https://lab.example.org:PORT", "certificate", reach.Failure, []string{"not for lab.example.org but for example.com"}},
		{"an authority that is not trusted", changed(proxied(own, nil), func(f *front) { f.options.Roots = x509.NewCertPool() }), own,
			"certificate", reach.Failure, []string{"does not trust", "fullchain.pem"}},
		{"a certificate that has ended", changed(proxied(own, nil), func(f *front) {
			f.options.Now = func() time.Time { return f.Certificate().NotAfter.Add(time.Hour) }
		}), own, "certificate", reach.Failure, []string{"valid only from", "Renew it"}},
		{"a certificate that ends soon", changed(proxied(own, nil), func(f *front) {
			f.options.Now = func() time.Time { return f.Certificate().NotAfter.Add(-time.Hour) }
		}), own, "certificate", reach.Warning, []string{"ends on", "Renew it"}},
		{"a name that leads nowhere", changed(foreign(hello), func(f *front) {
			f.options.Lookup = func(context.Context, string) ([]net.IPAddr, error) { return nil, errors.New("no such host") }
		}), "https://lab.example.org", "DNS", reach.Failure, []string{"lab.example.org has no address: no such host", "AAAA"}},
		{"nothing that listens", changed(foreign(hello), func(f *front) { f.Close() }), own, "connection", reach.Failure, []string{"Nothing listens", "Start the proxy"}},
		{"no TLS", changed(foreign(hello), func(f *front) {
			plain := httptest.NewServer(http.HandlerFunc(hello))
			t.Cleanup(plain.Close)
			f.options.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				var dialer net.Dialer
				return dialer.DialContext(ctx, network, plain.Listener.Addr().String())
			}
		}), own, "certificate", reach.Failure, []string{"does not speak TLS"}},
		{"something else", foreign(hello), own, "Wheelhouse", reach.Failure, []string{"not Wheelhouse", "status 200", "Host header"}},
		{"a proxy without a server", foreign(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), own,
			"Wheelhouse", reach.Failure, []string{"does not reach Wheelhouse", "--listen"}},
		{"a redirect in a circle", foreign(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com"+r.URL.Path, http.StatusFound)
		}), own, "redirect", reach.Failure, []string{"/api/me", "all paths"}},
		{"a sub-path", foreign(hello), "https://127.0.0.1:PORT/lab", "address", reach.Failure, []string{"below a path such as /lab"}},
		{"no scheme", foreign(hello), "lab.example.org", "address", reach.Failure, []string{"--url https://lab.example.org"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := test.start(t)
			findings := reach.Try(t.Context(), strings.ReplaceAll(test.address, "PORT", f.port), f.options)
			var bad []reach.Finding
			for _, finding := range findings {
				t.Logf("%s %s: %s %s", finding.Status, finding.Name, finding.Message, finding.Next)
				if (finding.Status == reach.OK) != (finding.Next == "") {
					t.Errorf("%s: status %s and the next step %q do not fit", finding.Name, finding.Status, finding.Next)
				}
				if finding.Status != reach.OK {
					bad = append(bad, finding)
				}
			}
			if test.finding == "" {
				if len(bad) > 0 || len(findings) < 5 {
					t.Errorf("got %+v, want all in order", bad)
				}
				return
			}
			if len(bad) == 0 {
				t.Fatalf("all is in order, want %s", test.finding)
			}
			last := bad[len(bad)-1]
			if last.Name != test.finding || last.Status != test.status {
				t.Errorf("got %s (%s), want %s (%s)", last.Name, last.Status, test.finding, test.status)
			}
			for _, want := range test.want {
				if want = strings.ReplaceAll(want, "PORT", f.port); !strings.Contains(last.Message+" "+last.Next, want) {
					t.Errorf("got %q → %q, want %q in it", last.Message, last.Next, want)
				}
			}
		})
	}
}
