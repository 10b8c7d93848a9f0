package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wheelhouse/labs"
)

// inApp is a world with an application that Ann has opened.
type inApp struct {
	*world
	ann     *client
	id      string // of the session
	cluster *cluster
	origin  string
}

func newInApp(t *testing.T, app http.Handler) *inApp {
	t.Helper()
	pod := httptest.NewServer(app)
	t.Cleanup(pod.Close)
	w := newWorld(t, options{})
	in := &inApp{world: w, cluster: &cluster{t: t,
		services: map[string]string{"web": `{"ports":[{"name":"http","port":80,"targetPort":8080,"protocol":"TCP"}]}`},
		slices:   slice("web", "http", 8080, "web-1"),
		pods:     map[string]string{"web-1": pod.Listener.Addr().String()},
	}}
	w.setAPI(in.cluster)
	in.ann = w.as(w.user("ann", labs.Student))
	in.id = in.ann.open("pods")
	in.origin = in.enter("web", 80)
	return in
}

// enter opens an application as a click in the lab does, and returns its origin.
func (in *inApp) enter(service string, port int) string {
	in.t.Helper()
	link := in.link(service, port)
	u := mustParse(link)
	entered := in.get(link).want(http.StatusSeeOther)
	if got := entered.Header.Get("Location"); got != "/" {
		in.t.Errorf("the ticket leads to %q, want /", got)
	}
	return u.Scheme + "://" + u.Host
}

func (in *inApp) link(service string, port int) string {
	in.t.Helper()
	var app struct{ URL string }
	in.ann.do("POST", "/api/sessions/"+in.id+"/apps", map[string]any{"namespace": "default", "service": service, "port": port}).want(200).into(&app)
	return app.URL
}

func (in *inApp) get(url string, headers ...string) *answer {
	in.t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return in.ann.send(r)
}

// TestAppHeaders looks at what passes between a browser and an application.
func TestAppHeaders(t *testing.T) {
	var got *http.Request
	in := newInApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		h := w.Header()
		h["Set-Cookie"] = []string{
			"theirs=1; Path=/; HttpOnly",
			"wide=1; Domain=localhost; Path=/",
			"wheelhouse=stolen; Path=/",
			"__Host-wheelhouse=stolen; Path=/; Secure",
			"Wheelhouse-App=stolen",
		}
		h.Set("Clear-Site-Data", `"*"`)
		h.Set("Strict-Transport-Security", "max-age=1; includeSubDomains")
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("X-Their-Own", "kept")
		fmt.Fprint(w, "<script>their own page</script>")
	}))
	host := mustParse(in.origin).Host
	answer := in.get(in.origin+"/path?query=1",
		"Cookie", "theirs=2; wheelhouse=secret; __Host-wheelhouse=secret; __host-wheelhouse-app=secret",
		"X-Forwarded-For", "10.0.0.1", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "gopher", "X-Forwarded-User", "admin",
		"Forwarded", "for=10.0.0.1", "X-Real-Ip", "10.0.0.1", "X-Original-Url", "/admin", "X-Remote-User", "admin", "Impersonate-User", "admin",
		"Authorization", "Basic dGhlaXJz").want(200)

	if got.URL.RequestURI() != "/path?query=1" || got.Host != host {
		t.Errorf("the application was asked for %s of %s", got.URL.RequestURI(), got.Host)
	}
	for name, want := range map[string][]string{
		"Cookie":            {"theirs=2"},
		"X-Forwarded-For":   nil,
		"X-Forwarded-Host":  {host},
		"X-Forwarded-Proto": {"http"},
		"X-Forwarded-User":  nil,
		"Forwarded":         nil,
		"X-Real-Ip":         nil,
		"X-Original-Url":    nil,
		"X-Remote-User":     nil,
		"Impersonate-User":  nil,
		"Authorization":     {"Basic dGhlaXJz"},
	} {
		if !slices.Equal(got.Header[name], want) {
			t.Errorf("request header %s: got %q, want %q", name, got.Header[name], want)
		}
	}
	if want := []string{"theirs=1; Path=/; HttpOnly", "wide=1; Path=/"}; !slices.Equal(answer.Header["Set-Cookie"], want) {
		t.Errorf("cookies: got %q, want %q", answer.Header["Set-Cookie"], want)
	}
	for name, want := range map[string]string{"Clear-Site-Data": "", "Strict-Transport-Security": "", "Alt-Svc": "", "X-Their-Own": "kept", "Content-Security-Policy": ""} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("answer header %s: got %q, want %q", name, got, want)
		}
	}
	if cn := in.cluster.hosts[0]; cn != "wheelhouse" {
		t.Errorf("the API server was asked as %q", cn)
	}
	if want := []string{"web-1:8080"}; !slices.Equal(in.cluster.dialed, want) {
		t.Errorf("dialled %q, want %q: the target port of a ready pod", in.cluster.dialed, want)
	}
}

// TestAppRedirects looks where an application can send a browser, and that
// nobody but the browser follows.
func TestAppRedirects(t *testing.T) {
	asked := 0
	in := newInApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	}))
	for to, want := range map[string]string{
		"/login":                                      "/login",
		"login?x=1":                                   "login?x=1",
		"http://web/login":                            in.origin + "/login",
		"http://web.default:80/login?x=1#y":           in.origin + "/login?x=1#y",
		"http://web.default.svc.cluster.local/":       in.origin + "/",
		"https://" + mustParse(in.origin).Host + "/x": in.origin + "/x",
		"http://169.254.169.254/latest":               "http://169.254.169.254/latest",
		"http://127.0.0.1:22/":                        "http://127.0.0.1:22/",
		"http://[::ffff:127.0.0.1]/":                  "http://[::ffff:127.0.0.1]/",
		"//evil.example/":                             "//evil.example/",
		"http://webx/":                                "http://webx/",
	} {
		asked = 0
		got := in.get(in.origin + "/?to=" + url.QueryEscape(to)).want(http.StatusFound)
		if got.Header.Get("Location") != want {
			t.Errorf("redirect to %q: got %q, want %q", to, got.Header.Get("Location"), want)
		}
		if asked != 1 {
			t.Errorf("redirect to %q: the application was asked %d times, want once", to, asked)
		}
	}
}

// TestAppTargets opens services that are not there, not ready, or elsewhere.
// Whatever they name, only pods of this cluster are dialled.
func TestAppTargets(t *testing.T) {
	in := newInApp(t, http.NotFoundHandler())
	k := in.cluster
	for _, try := range []struct {
		name         string
		spec, slices string
		port, want   int
		words        string
	}{
		{"no service", "", "", 80, 404, "no Service try in namespace default"},
		{"no such port", `{"ports":[{"port":8080},{"port":9090}]}`, "", 80, 404, "It has: 8080, 9090"},
		{"UDP only", `{"ports":[{"port":80,"protocol":"UDP"}]}`, "", 80, 404, "no TCP port 80"},
		{"no pod", `{"ports":[{"port":80}]}`, "", 80, 503, "has no ready pod"},
		{"no ready pod", `{"ports":[{"port":80}]}`, slice("try", "", 8080, "web-1=unready"), 80, 503, "has no ready pod"},
		{"an external name", `{"type":"ExternalName","externalName":"169.254.169.254","ports":[{"port":80}]}`, slice("try", "", 80, "web-1"), 80, 502, "ExternalName"},
		{"addresses without pods", `{"ports":[{"port":80}]}`, `{"ports":[{"name":"","port":80}],"endpoints":[{"addresses":["127.0.0.1"],"conditions":{"ready":true}}]}`, 80, 503, "has no ready pod"},
		{"a node for a pod", `{"ports":[{"port":80}]}`, `{"ports":[{"name":"","port":80}],"endpoints":[{"addresses":["127.0.0.1"],"targetRef":{"kind":"Node","name":"web-1"}}]}`, 80, 503, "has no ready pod"},
		{"a path for a pod", `{"ports":[{"port":80}]}`, slice("try", "", 80, "../../../redirected"), 80, 503, "has no ready pod"},
		{"nothing listens", `{"ports":[{"port":80}]}`, slice("try", "", 8081, "closed"), 80, 502, "port 8081 of pod closed"},
	} {
		k.services["try"] = try.spec
		if try.spec == "" {
			delete(k.services, "try")
		}
		k.slices, k.dialed = try.slices, nil
		got := in.get(in.enter("try", try.port) + "/")
		if got.StatusCode != try.want || !strings.Contains(string(got.body), try.words) {
			t.Errorf("%s: got %d, want %d and %q: %s", try.name, got.StatusCode, try.want, try.words, got.body)
		}
		for _, pod := range k.dialed {
			if pod != "closed:8081" {
				t.Errorf("%s: dialled %s", try.name, pod)
			}
		}
		if got.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: our own page has no Content-Security-Policy", try.name)
		}
	}
}

// TestAppRights looks who may see an application, and until when.
func TestAppRights(t *testing.T) {
	in := newInApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the application") }))
	in.get(in.origin + "/").want(200)

	stranger := &inApp{world: in.world, ann: in.browser()}
	if got := stranger.get(in.origin + "/").want(403); strings.Contains(string(got.body), "the application") {
		t.Error("the origin's name alone opens it")
	}
	link := in.link("web", 80)
	stranger.get(link).want(303)
	stranger.get(in.origin + "/").want(200) // whoever has the ticket
	in.get(link).want(403)                  // which works once
	in.get(in.origin + "/.wheelhouse/open?ticket=").want(403)
	in.get(in.origin + "/.wheelhouse/other").want(404)

	// A page of the application asks the API, as the student's browser would.
	for _, headers := range [][]string{
		{"Origin", in.origin},
		{"Origin", in.origin, "Sec-Fetch-Site", "same-site"},
		{"Origin", "", "Sec-Fetch-Site", "cross-site"},
	} {
		in.ann.do("POST", "/api/logout", nil, headers...).want(403)
	}
	if _, refused := in.ann.dial("/api/events?session="+in.id, "Origin", in.origin); refused == nil || refused.StatusCode != 403 {
		t.Errorf("a WebSocket from the application's origin: got %+v, want 403", refused)
	}

	in.ann.do("POST", "/api/logout", nil).want(204)
	in.get(in.origin + "/").want(403)
	again := in.as(in.ann.user)
	in.ann = again
	origin := in.enter("web", 80)
	if origin != in.origin {
		t.Errorf("the same service got another origin: %s, then %s", in.origin, origin)
	}
	in.get(origin + "/").want(200)
	in.ann.do("DELETE", "/api/sessions/"+in.id, nil).want(204)
	if got := in.get(origin + "/").want(409); !strings.Contains(string(got.body), "This session is over") {
		t.Errorf("after the session: got %s", got.body)
	}
	in.ann.do("POST", "/api/sessions/"+in.id+"/apps", map[string]any{"namespace": "default", "service": "web", "port": 80}).want(409)
}

// TestAppInput tries what cannot name a service.
func TestAppInput(t *testing.T) {
	in := newInApp(t, http.NotFoundHandler())
	for _, body := range []string{
		`{"namespace":"default","service":"web","port":0}`,
		`{"namespace":"default","service":"web","port":65536}`,
		`{"namespace":"../kube-system","service":"web","port":80}`,
		`{"namespace":"default","service":"web/../../pods","port":80}`,
		`{"namespace":"default","service":"web?x","port":80}`,
		`{"namespace":"","service":"web","port":80}`,
		`{"namespace":"default","service":"Web","port":80}`,
	} {
		in.ann.do("POST", "/api/sessions/"+in.id+"/apps", json.RawMessage(body)).want(422)
	}
}

// TestAppStreams passes a WebSocket and an endless answer through, and ends both
// with the log-in.
func TestAppStreams(t *testing.T) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	in := newInApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			for n := 0; ; n++ {
				if _, err := fmt.Fprintln(w, n); err != nil || r.Context().Err() != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, append([]byte("echo "), data...)) != nil {
				return
			}
		}
	}))
	app := &client{w: &world{t: t, url: in.origin, address: in.address}, http: in.ann.http}
	conn := app.socket("/ws")
	for i := range 3 {
		conn.WriteMessage(websocket.TextMessage, []byte(strconv.Itoa(i)))
		if _, data, err := conn.ReadMessage(); err != nil || string(data) != "echo "+strconv.Itoa(i) {
			t.Fatalf("got %q, %v, want an echo", data, err)
		}
	}
	r, _ := http.NewRequest("GET", in.origin+"/endless", nil)
	response, err := in.ann.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for range 5 {
		if !lines.Scan() {
			t.Fatalf("the answer ended: %v", lines.Err())
		}
	}
	start := time.Now()
	in.ann.do("POST", "/api/logout", nil).want(204)
	for lines.Scan() {
		if time.Since(start) > 2*time.Second {
			t.Fatal("the answer goes on after log-out")
		}
	}
	if _, _, err := conn.ReadMessage(); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("the WebSocket after log-out: got %v after %s", err, time.Since(start))
	}
}
