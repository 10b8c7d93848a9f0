package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/provisioner/provisionertest"
)

// printed is what a command has printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// eventually waits until what is so, for no longer than limit.
func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	every := time.NewTicker(200 * time.Millisecond) // fewer requests than a server takes
	defer every.Stop()
	for !is() {
		select {
		case <-every.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// newCourse makes a course with the lab greeting and returns its folder, and what
// replaces a text in one of the lab's files.
func newCourse(t *testing.T) (folder string, edit func(file, old, new string)) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "course")
	if _, _, err := run(t, "lab", "new", "greeting", "--module", filepath.Join(folder, "first")); err != nil {
		t.Fatal(err)
	}
	return folder, func(file, old, new string) {
		t.Helper()
		file = filepath.Join(folder, "first", "greeting", file)
		text := read(t, file)
		if !strings.Contains(text, old) {
			t.Fatalf("%s does not hold %q", file, old)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, old, new)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsSavedIsReadWhenItIsGood(t *testing.T) {
	folder, edit := newCourse(t)
	cfg := config{Content: folder}
	before, err := filesOf(folder)
	if err != nil {
		t.Fatal(err)
	}
	var said printed
	done := make(chan error, 1)
	go func() { done <- cfg.untilSaved(t.Context(), before, &said) }()
	edit("lab.yaml", "minutes: 10", "minutes: many")
	eventually(t, 10*time.Second, "a course that does not load is told", func() bool { return strings.Contains(said.String(), "lab.yaml:9: ") })
	edit("lab.yaml", "minutes: many", "minutes: 15")
	edit("lab.yaml", "deploy.metadata.generation\n", "deploy.metadata.\n")
	eventually(t, 10*time.Second, "an expression that does not compile is told", func() bool { return strings.Contains(said.String(), "check reads: expression") })
	select {
	case err := <-done:
		t.Fatalf("a course with mistakes was taken: %v", err)
	default:
	}
	if err := os.WriteFile(filepath.Join(folder, ".lab.yaml.swp"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	edit("lab.yaml", "deploy.metadata.\n", "deploy.metadata.generation\n")
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a course without mistakes was not taken")
	}
}

func TestLabDevRefuses(t *testing.T) {
	folder, edit := newCourse(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"greeting"}, "--content: name the folder"},
		{[]string{"parting", "--content", folder}, "there is no lab parting in"},
		{[]string{"greeting", "--content", folder + "s"}, "no such file"},
	} {
		if _, _, err := run(t, append([]string{"lab", "dev", "--data", t.TempDir()}, test.args...)...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("lab dev %v: got %v, want %q", test.args, err, test.want)
		}
	}
	edit("lab.yaml", "minutes: 10", "minutes: many")
	if _, _, err := run(t, "lab", "dev", "greeting", "--content", folder, "--data", t.TempDir()); err == nil || !strings.Contains(err.Error(), "lab.yaml:9: ") {
		t.Errorf("a course with mistakes: got %v", err)
	}
}

// TestLabDev saves a lab while its session is open on a real cluster.
func TestLabDev(t *testing.T) {
	provisionertest.NeedsPack(t)
	folder, edit := newCourse(t)
	cfg := config{Provider: providerEmbedded, PackCache: provisionertest.PackCache(t), Content: folder, Data: t.TempDir(),
		Listen: "127.0.0.1:0", MaxClusters: 1, Concurrency: 1, CreateTimeout: 5 * time.Minute, SessionsPerStudent: 1, LogLevel: slog.LevelWarn}
	var said printed
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // it serves until the session is ended
	done := make(chan error, 1)
	go func() { done <- cfg.develop(ctx, "greeting", &said, &said) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("develop: %v", err)
		}
		removeClusters(t, &cfg)
	})
	var link []string
	eventually(t, time.Minute, "the link is printed", func() bool {
		link = regexp.MustCompile(`(http://[^/]+)/labs/greeting#link=(\S+)`).FindStringSubmatch(said.String())
		return link != nil
	})
	page := newPage(t, link[1])
	page.do("POST", "/api/login/link", map[string]string{"secret": link[2]}, nil)
	var session struct {
		ID, Phase string
		Steps     []struct {
			Checks []struct{ Message string }
		}
	}
	page.do("POST", "/api/labs/greeting/sessions", map[string]string{}, &session)
	t.Cleanup(func() { page.do("DELETE", "/api/sessions/"+session.ID, nil, nil) })
	shows := func(what string) func() bool {
		return func() bool {
			page.do("GET", "/api/sessions/"+session.ID, nil, &session)
			return session.Phase == "Ready" && len(session.Steps) > 0 && len(session.Steps[0].Checks) > 0 && strings.Contains(session.Steps[0].Checks[0].Message, what)
		}
	}
	eventually(t, 3*time.Minute, "the session is judged", shows("There is no ConfigMap named settings in"))
	id := session.ID

	edit("lab.yaml", "name: settings}", "name: options}")
	edit("README.md", "**ConfigMap** holds", "**map** <u>holds</u>")
	eventually(t, time.Minute, "the new check judges", shows("There is no ConfigMap named options in"))
	var lab struct{ Intro string }
	page.do("GET", "/api/labs/greeting", nil, &lab)
	if !strings.Contains(lab.Intro, "<strong>map</strong> holds") || session.ID != id {
		t.Errorf("the page shows %s of session %s, want the new text of %s", lab.Intro, session.ID, id)
	}
	if text := said.String(); !strings.Contains(text, "The course was read again.") || !strings.Contains(text, "the instructions never mention options") {
		t.Errorf("printed %q, want what lint finds", text)
	} else if strings.Count(text, "HTML such as <u> is shown as plain text") != 1 {
		t.Errorf("printed %q, want one warning of <u>", text)
	}
}

// removeClusters leaves nothing behind where a test failed half-way.
func removeClusters(t *testing.T, cfg *config) {
	ctx := context.WithoutCancel(t.Context())
	provider, err := cfg.openProvider(ctx)
	if err != nil {
		t.Errorf("remove the clusters: %v", err)
		return
	}
	names, err := listClusters(ctx, provider)
	if err == nil {
		err = deleteClusters(ctx, provider, io.Discard, names...)
	}
	if err != nil {
		t.Errorf("remove the clusters: %v", err)
	}
}

// page is a browser as far as the API goes.
type page struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newPage(t *testing.T, url string) *page {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &page{t: t, url: url, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// do sends a request. A server that is not there at the moment is asked again,
// as a page does.
func (p *page) do(method, path string, body, into any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	var answer *http.Response
	eventually(p.t, 30*time.Second, method+" "+path, func() bool {
		request, err := http.NewRequest(method, p.url+path, bytes.NewReader(text))
		if err != nil {
			p.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Origin", p.url)
		answer, err = p.client.Do(request)
		return err == nil
	})
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %s: %s (%v)", method, path, answer.Status, read, err)
	}
	if into != nil {
		if err := json.Unmarshal(read, into); err != nil {
			p.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}
