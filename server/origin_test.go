package server_test

import (
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/labs"
	"wheelhouse/labs/terminal"
	"wheelhouse/server"
)

// TestSocketOrigin opens WebSockets from origins that look like ours. All get
// 403 before the upgrade, and no shell starts.
func TestSocketOrigin(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	id := ann.open("pods")
	own := w.url // http://127.0.0.1:PORT
	port := own[strings.LastIndexByte(own, ':')+1:]
	lookAlikes := map[string]string{
		"none":                    "",
		"null":                    "null",
		"the other scheme":        "https" + strings.TrimPrefix(own, "http"),
		"another port":            "http://127.0.0.1:1",
		"no port":                 "http://127.0.0.1",
		"a longer port":           own + "0",
		"localhost":               "http://localhost:" + port,
		"an IPv6 loopback":        "http://[::1]:" + port,
		"a mapped address":        "http://[::ffff:127.0.0.1]:" + port,
		"a decimal address":       "http://2130706433:" + port,
		"a short address":         "http://127.1:" + port,
		"our host as a subdomain": "http://127.0.0.1.example.org:" + port,
		"a subdomain of ours":     "http://x.127.0.0.1:" + port,
		"our host as a user":      "http://127.0.0.1:" + port + "@example.org",
		"a path":                  own + "/",
		"a query":                 own + "?x",
		"upper case":              "HTTP" + strings.TrimPrefix(own, "http"),
		"two in one":              own + " " + own,
		"a list":                  own + ", http://evil.example",
		"a trailing dot":          "http://127.0.0.1.:" + port,
		"a file":                  "file://",
		"an application":          "http://0123456789abcdef0123456789abcdef.localhost:" + port,
		"another site":            "https://evil.example",
	}
	for _, path := range []string{"/api/sessions/" + id + "/terminals/main", "/api/events?session=" + id} {
		for name, origin := range lookAlikes {
			conn, refused := ann.dial(path, "Origin", origin)
			if conn != nil {
				t.Errorf("%s from %s (%q): got a WebSocket, want 403", path, name, origin)
			} else if want := http.StatusForbidden; refused.StatusCode != want {
				t.Errorf("%s from %s (%q): got %d, want %d", path, name, origin, refused.StatusCode, want)
			}
		}
	}
	access, err := w.labs.Access(t.Context(), ann.user, id, labs.Read)
	if err != nil {
		t.Fatal(err)
	}
	shells, err := terminal.Run(t.Context(), access.Dial, terminal.RunRequest{Command: []string{"pgrep", "-P", pid(), "bash"}, Timeout: 5e9})
	if err != nil || len(shells.Stdout) > 0 {
		t.Errorf("got shells %q, %v, want none", shells.Stdout, err)
	}
	if _, refused := ann.dial("/api/sessions/" + id + "/terminals/main"); refused != nil {
		t.Errorf("from our own origin: got %d, want a WebSocket", refused.StatusCode)
	}
}

// TestForgery sends what a page of another origin could make a browser send to
// every route that changes something. All of it is refused, and nothing changes.
func TestForgery(t *testing.T) {
	s := newSchool(t)
	path := strings.NewReplacer(":session", s.session, ":class", s.class, ":terminal", "main", ":lab", "services")
	forgeries := map[string][]string{
		"no proof at all":            {"Origin", ""},
		"another origin":             {"Origin", "https://evil.example"},
		"null":                       {"Origin", "null"},
		"an application's origin":    {"Origin", "http://0123456789abcdef0123456789abcdef.localhost:" + s.address},
		"another scheme":             {"Origin", "https" + strings.TrimPrefix(s.url, "http")},
		"a subdomain, says the site": {"Origin", "", "Sec-Fetch-Site", "same-site"},
		"another site":               {"Origin", "", "Sec-Fetch-Site", "cross-site"},
		"typed by hand":              {"Origin", "", "Sec-Fetch-Site", "none"},
		"our origin, another site":   {"Sec-Fetch-Site", "cross-site"},
		"another origin, our site":   {"Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"},
		"a form":                     {"Origin", "https://evil.example", "Content-Type", "text/plain"},
	}
	before := s.state()
	tried := 0
	for _, route := range s.server.Routes() {
		if route.Method == "GET" || route.Method == "HEAD" {
			continue
		}
		name := route.Method + " " + route.Path
		for what, headers := range forgeries {
			got := s.ann.do(route.Method, path.Replace(route.Path), access[name].body, headers...)
			if got.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %s: got %d, want 403", name, what, got.StatusCode)
			}
			tried++
		}
	}
	if tried < 80 {
		t.Errorf("tried %d forgeries, want more: is the router empty?", tried)
	}
	if s.state() != before {
		t.Error("a forged request changed the database")
	}
	// What our own page sends gets through, with either proof.
	s.ann.do("POST", "/api/labs/pods/sessions", nil, "Origin", "", "Sec-Fetch-Site", "same-origin").want(200)
	s.ann.do("POST", "/api/labs/pods/sessions", nil, "Sec-Fetch-Site", "same-origin").want(200)
}

// TestReads tries every GET route: none changes anything, and none answers the
// script of another site's page.
func TestReads(t *testing.T) {
	s := newSchool(t)
	path := strings.NewReplacer(":session", s.session, ":class", s.class, ":terminal", "main", ":lab", "services")
	before := s.state()
	for _, route := range s.server.Routes() {
		if route.Method != "GET" {
			continue
		}
		at := path.Replace(route.Path)
		for _, client := range []*client{s.ann, s.ida} {
			client.do("GET", at, nil)
		}
		if !strings.HasPrefix(route.Path, "/api/") {
			continue
		}
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
			{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"},
			{"Origin", "https://evil.example"},
		} {
			if got := s.ann.do("GET", at, nil, headers...); got.StatusCode != 403 {
				t.Errorf("GET %s with %v: got %d, want 403", route.Path, headers, got.StatusCode)
			}
			if cors := s.ann.do("GET", at, nil, headers...).Header.Get("Access-Control-Allow-Origin"); cors != "" {
				t.Errorf("GET %s with %v: got Access-Control-Allow-Origin %q, want none", route.Path, headers, cors)
			}
		}
	}
	if s.state() != before {
		t.Error("a GET changed the database")
	}
}

// state is a digest of what is on the disk.
func (w *world) state() string {
	w.t.Helper()
	hash := sha256.New()
	for _, name := range []string{"wheelhouse.db", "wheelhouse.db-wal"} {
		data, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			w.t.Fatal(err)
		}
		hash.Write(data)
	}
	return string(hash.Sum(nil))
}

// TestHost tries names under which a browser may have been led here.
func TestHost(t *testing.T) {
	w := newWorld(t, options{})
	port := w.url[strings.LastIndexByte(w.url, ':')+1:]
	for _, try := range []struct {
		name, host, path string
		want             int
	}{
		{"ours", w.address, "/api/me", 200},
		{"rebinding", "evil.example:" + port, "/api/me", 421},
		{"rebinding, a page", "evil.example:" + port, "/", 421},
		{"another port", "127.0.0.1:1", "/api/me", 421},
		{"no port", "127.0.0.1", "/api/me", 421},
		{"trailing dot", "127.0.0.1.:" + port, "/api/me", 421},
		{"trailing dot, a page", "localhost.:" + port, "/", 421}, // public is 127.0.0.1
		{"localhost, the API", "localhost:" + port, "/api/me", 421},
		{"localhost, a page", "localhost:" + port, "/labs/pods?x=1", 307},
		{"an application's origin that nobody opened", strings.Repeat("a", 32) + ".localhost:" + port, "/api/me", 404},
		{"too short for an application", "aaaa.localhost:" + port, "/api/me", 421},
		{"upper case", strings.Repeat("A", 32) + ".localhost:" + port, "/api/me", 421},
		{"health, by address", "10.0.0.7:" + port, "/healthz", 200},
		{"readiness, by address", "10.0.0.7:" + port, "/readyz", 200},
	} {
		got := w.browser().do("GET", try.path, nil, "Host", try.host)
		if got.StatusCode != try.want {
			t.Errorf("%s (%s): got %d, want %d", try.name, try.host, got.StatusCode, try.want)
		}
		if want := w.url + "/labs/pods?x=1"; try.want == 307 && got.Header.Get("Location") != want {
			t.Errorf("%s: got Location %q, want %q", try.name, got.Header.Get("Location"), want)
		}
	}
}

// TestHostOfAName tries the spellings of a name with a certificate.
func TestHostOfAName(t *testing.T) {
	w := newWorld(t, options{})
	for _, try := range []struct {
		public, host, path string
		want               int
		location           string
	}{
		{"https://lab.example.org", "lab.example.org", "/api/openapi.yaml", 200, ""},
		{"https://lab.example.org", "lab.example.org:443", "/api/openapi.yaml", 200, ""},
		{"https://lab.example.org", "LAB.Example.org", "/api/openapi.yaml", 200, ""},
		{"https://lab.example.org", "lab.example.org:80", "/api/openapi.yaml", 421, ""},
		{"https://lab.example.org", "lab.example.org.", "/api/openapi.yaml", 421, ""},
		{"https://lab.example.org", "lab.example.org.", "/labs/pods", 307, "https://lab.example.org/labs/pods"},
		{"https://lab.example.org", "lab.example.org.:443", "/", 307, "https://lab.example.org/"},
		{"https://lab.example.org", "lab.example.org..", "/", 421, ""},
		{"https://lab.example.org:8443", "lab.example.org:8443", "/api/openapi.yaml", 200, ""},
		{"https://lab.example.org:8443", "lab.example.org", "/api/openapi.yaml", 421, ""},
		{"https://schüler.example", "xn--schler-5ya.example", "/api/openapi.yaml", 200, ""},
		{"https://SCHÜLER.example", "xn--schler-5ya.example", "/api/openapi.yaml", 200, ""},
		{"https://xn--schler-5ya.example", "xn--schler-5ya.example", "/api/openapi.yaml", 200, ""},
	} {
		s, err := server.New(server.Options{Labs: w.labs, Course: testCourse(), Mode: server.Serve, PublicURL: try.public, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("%s: %v", try.public, err)
			continue
		}
		request := httptest.NewRequest("GET", try.path, nil)
		request.Host = try.host
		got := httptest.NewRecorder()
		s.Handler().ServeHTTP(got, request)
		if got.Code != try.want || got.Header().Get("Location") != try.location {
			t.Errorf("%s asked as %s for %s: got %d to %q, want %d to %q", try.public, try.host, try.path, got.Code, got.Header().Get("Location"), try.want, try.location)
		}
	}
}

// TestPublicURL tries what New takes as the address of browsers.
func TestPublicURL(t *testing.T) {
	w := newWorld(t, options{})
	for _, try := range []struct {
		public, apps string
		problem      string // part of it; "" is none
	}{
		{"http://127.0.0.1:8080", "", ""},
		{"http://localhost:8080/", "", ""},
		{"http://[::1]:8080", "", ""},
		{"https://lab.example.org", "", ""},
		{"https://lab.example.org:8443", "https://*.apps.example.org:8443", ""},
		{"https://192.0.2.7", "", ""},
		{"http://lab.example.org", "", "plain http is for loopback only"},
		{"http://192.0.2.7:8080", "", "plain http is for loopback only"},
		{"lab.example.org", "", "give it as"},
		{"", "", "give it as"},
		{"ftp://lab.example.org", "", "give it as"},
		{"https://lab.example.org/path", "", "cannot be served below a path such as /path"},
		{"https://user@lab.example.org", "", "only scheme, host and port"},
		{"https://lab.example.org", "https://apps.example.org", `start with "*."`},
		{"https://lab.example.org", "https://*.*.example.org", `start with "*."`},
	} {
		_, err := server.New(server.Options{Labs: w.labs, Course: testCourse(), Mode: server.Serve, PublicURL: try.public, AppsURL: try.apps})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if (try.problem == "") != (err == nil) || !strings.Contains(got, try.problem) {
			t.Errorf("public %q, apps %q: got error %q, want %q in it", try.public, try.apps, got, try.problem)
		}
	}
}
