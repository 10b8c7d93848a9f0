package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gorilla/websocket"

	"wheelhouse/labs"
	"wheelhouse/server"
)

// client is one browser. It holds every answer of the API against the OpenAPI
// document.
type client struct {
	w    *world
	http *http.Client
	user *labs.User
}

// browser returns a browser in which nobody is logged in. Every name leads to
// the world's server, as *.localhost does in real browsers.
func (w *world) browser() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", w.address)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &client{w: w, http: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as returns a browser in which user is logged in.
func (w *world) as(user *labs.User) *client {
	w.t.Helper()
	c := w.browser()
	c.user = user
	c.do("POST", "/api/login/link", map[string]string{"secret": w.link(user)}).want(200)
	return c
}

// answer is a response whose body has been read.
type answer struct {
	t    testing.TB
	what string
	*http.Response
	body []byte
}

// do sends a request as the page would.
func (c *client) do(method, path string, body any, headers ...string) *answer {
	c.w.t.Helper()
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.w.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, c.w.url+path, reader)
	if err != nil {
		c.w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != "GET" {
		r.Header.Set("Origin", c.w.url)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch {
		case headers[i+1] == "":
			r.Header.Del(headers[i])
		case headers[i] == "Host":
			r.Host = headers[i+1]
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return c.send(r)
}

func (c *client) send(r *http.Request) *answer {
	c.w.t.Helper()
	response, err := c.http.Do(r)
	if err != nil {
		c.w.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	a := &answer{t: c.w.t, what: r.Method + " " + r.URL.Path, Response: response}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		c.w.t.Fatalf("%s: %v", a.what, err)
	}
	if strings.HasPrefix(r.URL.String(), c.w.url+"/") && !strings.Contains(r.Host, ".localhost") {
		a.conforms(r)
	}
	return a
}

// want fails the test unless the answer has that status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s: got status %d, want %d: %s", a.what, a.StatusCode, status, a.body)
	}
	return a
}

// into decodes the answer's JSON.
func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
}

func (a *answer) detail() string {
	var p struct{ Detail string }
	json.Unmarshal(a.body, &p)
	return p.Detail
}

// seen holds "GET /api/me 200" for each answer that was held against the
// document, by all tests.
var seen sync.Map

var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(server.OpenAPI())
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	return doc, doc.Validate(context.Background())
})

var documentRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// conforms holds the answer against the document, if its route is in there.
func (a *answer) conforms(r *http.Request) {
	a.t.Helper()
	router, err := documentRouter()
	if err != nil {
		a.t.Fatal(err)
	}
	bare := r.Clone(context.Background())
	bare.URL = &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	route, params, err := router.FindRoute(bare)
	if err != nil {
		return // a page, or a path that is no route
	}
	input := &openapi3filter.RequestValidationInput{Request: bare, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: a.StatusCode, Header: a.Header, Options: input.Options}
	output.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(context.Background(), output); err != nil {
		a.t.Errorf("%s: status %d is not what /api/openapi.yaml says: %v\n%s", a.what, a.StatusCode, err, a.body)
	}
	seen.Store(r.Method+" "+route.Path+" "+http.StatusText(a.StatusCode), true)
}

// dial opens a WebSocket as the page would; headers are added or, where empty,
// left out. The answer is nil unless the upgrade was refused.
func (c *client) dial(path string, headers ...string) (*websocket.Conn, *answer) {
	c.w.t.Helper()
	header := http.Header{"Origin": {c.w.url}}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			delete(header, headers[i])
		} else {
			header[headers[i]] = []string{headers[i+1]}
		}
	}
	public, _ := url.Parse(c.w.url)
	for _, cookie := range c.http.Jar.Cookies(public) {
		header.Add("Cookie", cookie.String())
	}
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", c.w.address)
	}, HandshakeTimeout: 10 * time.Second}
	conn, response, err := dialer.Dial("ws://"+public.Host+path, header)
	if err != nil {
		if response == nil {
			c.w.t.Fatalf("dial %s: %v", path, err)
		}
		body, _ := io.ReadAll(response.Body)
		return nil, &answer{t: c.w.t, what: "WebSocket " + path, Response: response, body: body}
	}
	c.w.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return conn, nil
}

// socket is dial for a test that needs the WebSocket.
func (c *client) socket(path string) *websocket.Conn {
	c.w.t.Helper()
	conn, refused := c.dial(path)
	if refused != nil {
		c.w.t.Fatalf("%s: refused with %d: %s", path, refused.StatusCode, refused.body)
	}
	return conn
}

// session is as much of a session as the tests look at.
type session struct {
	ID, Lab, Phase, Reason, Message string
	FinishedAt                      *time.Time
	Steps                           []struct {
		Name        string
		CompletedAt *time.Time
		Checks      []struct {
			Name, Status, Reason, Message string
			Pending                       bool
			Evidence                      []struct{ Name, Text string }
		}
	}
	Progress *struct {
		Place  int
		Phases []struct{ Name, State string }
	}
}

// open opens lab and waits until it is Ready.
func (c *client) open(lab string) string {
	c.w.t.Helper()
	var s session
	c.do("POST", "/api/labs/"+lab+"/sessions", nil).want(201).into(&s)
	c.w.until("session at "+lab+" is Ready", func() bool {
		view, err := c.w.labs.View(c.w.t.Context(), c.user, s.ID)
		if err != nil {
			c.w.t.Fatal(err)
		}
		if !view.Session.Live() {
			c.w.t.Fatalf("session is %s: %s\n%s", view.Session.Phase, view.Session.Message, c.w.logs)
		}
		return view.Session.Phase == labs.Ready
	})
	return s.ID
}

func randomName() string { return strings.ToLower(rand.Text()[:8]) }

func mustParse(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

// documentOf lists the successes that the document names, WebSockets left out.
func documentOf() ([]string, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	var out []string
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if code, err := strconv.Atoi(status); err == nil && code >= 200 && code < 300 {
					out = append(out, method+" "+path+" "+http.StatusText(code))
				}
			}
		}
	}
	return out, nil
}
