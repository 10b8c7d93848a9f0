package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wheelhouse/content/intro/app"
)

// start serves an application with this environment.
func start(t *testing.T, environ ...string) string {
	t.Helper()
	application, err := app.New(app.ConfigFrom(append(environ, "HOSTNAME=pod-1", "INTRO_VERSION=1")))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(application)
	t.Cleanup(server.Close)
	return server.URL
}

// ask sends a request and returns status and body.
func ask(t *testing.T, method, address, accept string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s %s: Cache-Control is %q", method, address, got)
	}
	return response.StatusCode, string(body)
}

func TestPage(t *testing.T) {
	tests := []struct {
		name, accept string
		environ      []string
		want, not    string
	}{
		{"who", "text/html,*/*", []string{"WHO=Ada"}, "Hello, I am Ada.", "I like"},
		{"likes", "text/html", []string{"WHO=Ada", "LIKES=engines"}, "I like engines.", "Nobody"},
		{"nobody", "text/html", nil, "Nobody has said yet", "I am"},
		{"only spaces", "text/html", []string{"WHO=  "}, "Nobody has said yet", "I am"},
		{"escaped", "text/html", []string{"WHO=<script>x</script>"}, "&lt;script&gt;", "<script>"},
		{"pod", "text/html", nil, "pod-1", ""},
		{"environment", "text/html", []string{"COLOR=blue"}, "COLOR=blue", ""},
		{"text", "*/*", []string{"WHO=Ada"}, "intro version 1 on pod-1, deployed by Ada\n", "<"},
		{"json", "application/json, */*", []string{"WHO=Ada"}, `"who":"Ada"`, "<"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, got := ask(t, http.MethodGet, start(t, tt.environ...)+"/", tt.accept)
			if status != http.StatusOK || !strings.Contains(got, tt.want) {
				t.Errorf("got %d %s, want %q", status, got, tt.want)
			}
			if tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("got %s, which holds %q", got, tt.not)
			}
		})
	}
}

func TestVisits(t *testing.T) {
	address := start(t)
	for _, path := range []string{"/", "/state", "/healthz", "/metrics", "/favicon.ico", "/"} {
		ask(t, http.MethodGet, address+path, "text/html")
	}
	ask(t, http.MethodHead, address+"/", "")
	var out bytes.Buffer
	if err := app.Show(t.Context(), &out, address, "visits"); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "2\n"; got != want {
		t.Errorf("visits: got %q, want %q", got, want)
	}
}

func TestShow(t *testing.T) {
	address := start(t, "WHO=Ada Lovelace")
	tests := []struct{ field, want, wantErr string }{
		{"who", "Ada Lovelace\n", ""},
		{"version", "1\n", ""},
		{"host", "pod-1\n", ""},
		{"likes", "\n", ""},
		{"age", "", `there is no field "age"`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := app.Show(t.Context(), &out, address, tt.field)
		if got := out.String(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.field, got, tt.want)
		}
		if (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("%s: got error %v, want %q", tt.field, err, tt.wantErr)
		}
	}
	if err := app.Show(t.Context(), io.Discard, "http://127.0.0.1:1", "who"); err == nil {
		t.Error("an application that is not there answered")
	}
}

func TestHealth(t *testing.T) {
	address := start(t)
	steps := []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/healthz", 200},
		{http.MethodPost, "/healthz?fail=true", 200},
		{http.MethodGet, "/healthz", 503},
		{http.MethodGet, "/readyz", 200},
		{http.MethodPost, "/readyz?fail=1", 200},
		{http.MethodGet, "/readyz", 503},
		{http.MethodPost, "/healthz?fail=false", 200},
		{http.MethodGet, "/healthz", 200},
		{http.MethodPost, "/healthz", 400},
		{http.MethodDelete, "/healthz", 405},
	}
	for _, step := range steps {
		if got, body := ask(t, step.method, address+step.path, ""); got != step.want {
			t.Errorf("%s %s: got %d %s, want %d", step.method, step.path, got, body, step.want)
		}
	}
	_, body := ask(t, http.MethodGet, address+"/state", "")
	var state struct{ Healthy, Ready bool }
	if err := json.Unmarshal([]byte(body), &state); err != nil || !state.Healthy || state.Ready {
		t.Errorf("state: got %s, %v, want healthy and not ready", body, err)
	}
}

func TestLoad(t *testing.T) {
	address := start(t)
	for _, query := range []string{"", "?cpu=0", "?cpu=-1", "?cpu=301", "?memory=513", "?cpu=long"} {
		if got, _ := ask(t, http.MethodGet, address+"/load"+query, ""); got != http.StatusBadRequest {
			t.Errorf("%q: got %d, want 400", query, got)
		}
	}
	if got, body := ask(t, http.MethodPost, address+"/load?cpu=1&memory=8", ""); got != 200 || !strings.Contains(body, "1 s of CPU, 8 MB") {
		t.Errorf("got %d %s", got, body)
	}
}

// TestLoadStops checks that load ends when its caller leaves, and that no more
// than four run at once.
func TestLoadStops(t *testing.T) {
	address := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/load?memory=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if response, err := http.DefaultClient.Do(request); err == nil {
				_ = response.Body.Close()
			}
		}()
	}
	running := func(want string) {
		t.Helper()
		deadline := time.NewTimer(5 * time.Second)
		defer deadline.Stop()
		for {
			_, body := ask(t, http.MethodGet, address+"/metrics", "")
			if strings.Contains(body, "\nintro_loads_running "+want+"\n") {
				return
			}
			select {
			case <-deadline.C:
				t.Fatalf("want %s loads, got\n%s", want, body)
			default:
			}
		}
	}
	running("4")
	if got, _ := ask(t, http.MethodGet, address+"/load?memory=1", ""); got != http.StatusTooManyRequests {
		t.Errorf("a fifth load: got %d, want 429", got)
	}
	cancel()
	running("0")
}

func TestConfig(t *testing.T) {
	config := app.ConfigFrom([]string{"B=2", "A=1", "WHO= Ada ", "EMPTY"})
	if config.Who != "Ada" || config.Port != "8080" || config.Host == "" {
		t.Errorf("got %+v", config)
	}
	if got := strings.Join(config.Env, " "); got != "A=1 B=2 EMPTY WHO= Ada " {
		t.Errorf("environment: got %q, want it sorted", got)
	}
	for _, port := range []string{"http", ""} {
		if _, err := app.New(app.Config{Port: port}); err == nil {
			t.Errorf("the port %q was taken", port)
		}
	}
}
