package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/mend"
	"wheelhouse/labs/sqlite"
	"wheelhouse/labs/terminal/agent"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
	"wheelhouse/server"
)

// world is a whole server on a loopback port, with a real database on disk, a
// real agent for each cluster of the fake provider, and judges that say what the
// test tells them.
type world struct {
	t       testing.TB
	address string // of the listener
	url     string // the public one
	server  *server.Server
	labs    *labs.Service
	stores  labs.Stores
	logs    *buffer
	dir     string
	stop    func() error // ends Serve and returns what it returned

	fake   *provisionertest.Fake
	tender *tender

	mu     sync.Mutex
	judges map[string]*judge // by lab and server
	api    http.Handler      // of every cluster; nil answers 404
}

type options struct {
	mode   server.Mode
	limits labs.Limits
	ready  func(context.Context) error
	pages  fstest.MapFS
	public string // the public URL; empty: the listener's
	https  bool   // the public URL is, as behind a proxy
	apps   string

	proxies []netip.Prefix // that are trusted
}

// tender finds what its test says, until it is mended.
type tender struct {
	mu     sync.Mutex
	faults []mend.Fault
}

func (t *tender) Look(context.Context) ([]mend.Fault, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.faults), nil
}

func (t *tender) Mend(_ context.Context, fault mend.Type) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = slices.DeleteFunc(t.faults, func(f mend.Fault) bool { return f.Type == fault })
	return nil
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	if o.mode == "" {
		o.mode = server.Serve
	}
	w := &world{t: t, logs: &buffer{}, dir: t.TempDir(), judges: make(map[string]*judge), tender: &tender{}}
	logger := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))

	db, err := sqlite.Open(t.Context(), filepath.Join(w.dir, "wheelhouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w.stores = db.Stores()
	fake, err := provisionertest.NewFake(provisionertest.FakeOptions{
		Dial: w.agents(t),
		API:  func(string) http.Handler { return http.HandlerFunc(w.serveAPI) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	w.fake = fake
	course := testCourse()
	w.labs, err = labs.New(labs.Options{
		Course: course,
		Stores: w.stores,
		Pool:   pool{fake},
		Limits: o.limits,
		Logger: logger,
		Judge:  w.judge,
		Tend:   func(*content.Lab, *provisioner.Access, string) (labs.Tender, error) { return w.tender, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, w.labs.Run)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	w.url = "http://" + w.address
	if o.https {
		w.url = "https://lab.example.org"
	}
	if o.public != "" {
		w.url = o.public
	}
	so := server.Options{Labs: w.labs, Course: course, Mode: o.mode, PublicURL: w.url, AppsURL: o.apps, TrustedProxies: o.proxies, Ready: o.ready, Version: "v0.0.0-test", Logger: logger}
	if o.pages != nil {
		so.Pages = o.pages
	}
	if w.server, err = server.New(so); err != nil {
		t.Fatal(err)
	}
	w.stop = background(t, func(ctx context.Context) error { return w.server.Serve(ctx, listener) })
	return w
}

// background runs f until the test ends, or stop is called, and waits for it.
func background(t testing.TB, f func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("did not end within 30 s")
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return stop
}

// agents starts a real agent for each cluster that is dialled.
func (w *world) agents(t testing.TB) func(ctx context.Context, name string) (net.Conn, error) {
	var mu sync.Mutex
	sockets := map[string]string{}
	return func(ctx context.Context, name string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if sockets[name] == "" {
			dir, err := os.MkdirTemp("", "wh")
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			home := filepath.Join(dir, "home")
			if err := os.Mkdir(home, 0o700); err != nil {
				return nil, err
			}
			listener, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
			if err != nil {
				return nil, err
			}
			background(t, func(ctx context.Context) error {
				return agent.Serve(ctx, listener, agent.Options{Home: home, Shell: []string{"/bin/bash", "--norc", "--noprofile"}})
			})
			sockets[name] = listener.Addr().String()
		}
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", sockets[name])
	}
}

// pool hands out clusters of the fake provider, each new.
type pool struct{ fake *provisionertest.Fake }

func (p pool) Claim(ctx context.Context, _ string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	return p.fake.Create(ctx, "wh-"+randomName(), spec, report)
}
func (p pool) Release(name string) { go p.fake.Delete(context.Background(), name) }
func (p pool) Access(ctx context.Context, name string) (*provisioner.Access, error) {
	return p.fake.Access(ctx, name)
}
func (p pool) Cluster(name string) (*provisioner.Cluster, error) {
	clusters, err := p.fake.List(context.Background())
	for _, cluster := range clusters {
		if cluster.Name == name {
			return &cluster, nil
		}
	}
	return nil, errors.Join(err, provisioner.ErrNotFound)
}

// judge says what a test tells it to say.
type judge struct {
	onResults func([]grader.Result)
	say       chan []grader.Result

	mu   sync.Mutex
	last []grader.Result
}

func (j *judge) Open([]string) {}

// Confirm says once more what was said of the step last.
func (j *judge) Confirm(step string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var confirmed []grader.Result
	for _, result := range j.last {
		if result.Step == step {
			result.Confirmed = true
			confirmed = append(confirmed, result)
		}
	}
	go j.onResults(confirmed) // the caller is the one that takes them
}

func (j *judge) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case results := <-j.say:
			j.mu.Lock()
			j.last = results
			j.mu.Unlock()
			j.onResults(results)
		}
	}
}

func (w *world) judge(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (labs.Judge, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := &judge{onResults: onResults, say: make(chan []grader.Result)}
	w.judges[lab.Name] = j // of the newest session at the lab
	return j, nil
}

// found has the judge of the newest session at lab say results.
func (w *world) found(lab string, results ...grader.Result) {
	w.t.Helper()
	for i := range results {
		results[i].At = time.Now()
	}
	var j *judge
	w.until("the judge of "+lab, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		j = w.judges[lab]
		return j != nil
	})
	select {
	case j.say <- results:
	case <-time.After(10 * time.Second):
		w.t.Fatal("nobody listens to the judge")
	}
}

func (w *world) serveAPI(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	api := w.api
	w.mu.Unlock()
	if api == nil {
		http.NotFound(rw, r)
		return
	}
	api.ServeHTTP(rw, r)
}

func (w *world) setAPI(h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.api = h
}

// user makes an account that can only log in by link.
func (w *world) user(name string, role labs.Role) *labs.User {
	w.t.Helper()
	user := &labs.User{ID: "u_" + randomName() + randomName(), Name: name, Role: role, CreatedAt: time.Now()}
	if err := w.stores.Users.Create(w.t.Context(), user); err != nil {
		w.t.Fatal(err)
	}
	return user
}

// link makes a one-time link for user and returns its secret.
func (w *world) link(user *labs.User) string {
	w.t.Helper()
	secret := randomName() + randomName() + randomName()
	hash := sha256.Sum256([]byte(secret))
	if err := w.stores.Links.Save(w.t.Context(), &labs.Link{TokenHash: hash[:], UserID: user.ID, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// until waits for a condition, and fails the test when it does not come true.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	deadline := time.After(15 * time.Second)
	for !is() {
		select {
		case <-deadline:
			w.t.Fatalf("%s: not within 15 s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// testCourse is two labs, written down rather than loaded: what authors write is
// not the matter here.
func testCourse() *content.Course {
	check := func(name string) content.Check {
		return content.Check{Name: name, Title: "Title of " + name,
			Objects:     map[string]content.Object{"pod": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "web"}},
			Validations: []content.Validation{{Expression: "pod.metadata.name == 'SECRET-EXPRESSION'", Message: "no"}}}
	}
	lab := func(name string) *content.Lab {
		return &content.Lab{Name: name, Module: "01-first", Title: "Lab " + name, Summary: "A lab.", Minutes: 5, Intro: "<p>Hello</p>",
			Steps: []content.Step{
				{Name: "one", Title: "Step one", Points: 2, Instructions: "<p>Do it</p>", Hints: []content.Hint{{HTML: "<p>A hint</p>"}, {HTML: "<p>All of it</p>", Cost: 1}}, Checks: []content.Check{check("exists"), check("runs")}},
				{Name: "two", Title: "Step two", Points: 1, Instructions: "<p>Do more</p>", Checks: []content.Check{check("more")}},
			},
			Solution: []content.Part{{Step: "one", Text: "SECRET-SOLUTION"}},
			Wrong:    []content.WrongAnswer{{Name: "w", Text: "SECRET-WRONG"}},
		}
	}
	return &content.Course{Name: "test", Title: "A course", Summary: "To test with.", Modules: []*content.Module{
		{Name: "01-first", Title: "First", Summary: "Module.", Labs: []*content.Lab{lab("pods"), lab("services"), questions(), lab("volumes")}},
	}}
}

// questions is a lab that asks.
func questions() *content.Lab {
	return &content.Lab{Name: "questions", Module: "01-first", Title: "Questions", Summary: "A lab.", Minutes: 5, Steps: []content.Step{
		{Name: "one", Title: "Step one", Points: 1, Checks: []content.Check{
			{Name: "typed", Title: "How many?", Once: true, Answer: &content.Answer{Accept: []string{"42"}, Message: "Count again."}},
			{Name: "chosen", Title: "Which?", Once: true, Answer: &content.Answer{Options: []string{"left", "right"}, Accept: []string{"right"}, Message: "The other one."}},
		}},
	}}
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
