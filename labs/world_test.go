package labs_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/mend"
	"wheelhouse/labs/sqlite"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// world is a service with a real database and a real pool, over clusters that
// are only scripted.
type world struct {
	*labs.Service
	t        *testing.T
	dir      string
	options  labs.Options
	wrap     func(stores *labs.Stores) // puts something between the service and its stores; may be nil
	db       *sqlite.DB
	provider *provisionertest.Fake
	pool     *provisioner.Pool
	stop     func() // stops the service, the pool and the database, and waits for them

	mu       sync.Mutex
	judges   map[string]*judge // by the cluster's name
	setups   []string          // the clusters that were prepared
	setupErr error
	setup    func(ctx context.Context) error // what a preparation does; nil is nothing
	reachErr error
	faults   []mend.Fault // what is broken, until it is mended
	mendErr  error
	printed  time.Time // when a terminal last printed something; zero is never
}

// tender is scripted by its world.
type tender struct{ *world }

func (t tender) Look(context.Context) ([]mend.Fault, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.faults), t.reachErr
}

func (t tender) Mend(_ context.Context, fault mend.Type) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mendErr == nil {
		t.faults = slices.DeleteFunc(t.faults, func(f mend.Fault) bool { return f.Type == fault })
	}
	return t.mendErr
}

// newWorld starts a world, which stops with the test. change may be nil.
func newWorld(t *testing.T, change func(w *world)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), judges: map[string]*judge{}}
	provider, err := provisionertest.NewFake(provisionertest.FakeOptions{Dir: filepath.Join(w.dir, "clusters")})
	if err != nil {
		t.Fatal(err)
	}
	w.provider = provider
	w.options = labs.Options{
		Course:  course(),
		Logger:  slog.New(slog.DiscardHandler),
		Prepare: w.prepare,
		Judge:   w.judge,
		Tend:    func(*content.Lab, *provisioner.Access, string) (labs.Tender, error) { return tender{w}, nil },
	}
	w.options.Quiet = func(context.Context, *provisioner.Access) (time.Duration, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return time.Since(w.printed), nil
	}
	if change != nil {
		change(w)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start starts the process, once more after stop.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	db, err := sqlite.Open(ctx, filepath.Join(w.dir, "wheelhouse.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = db
	w.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
		if err := db.Close(); err != nil {
			w.t.Errorf("close the database: %v", err)
		}
	})
	w.pool = provisioner.NewPool(provisioner.PoolOptions{Provider: w.provider, FreshDir: filepath.Join(w.dir, "fresh")})
	w.options.Pool = w.pool
	w.options.Stores = db.Stores()
	if w.wrap != nil {
		w.wrap(&w.options.Stores)
	}
	w.Service, err = labs.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	claimed, err := w.Claimed(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pool.Adopt(claimed)
	work.Go(func() {
		if err := w.pool.Run(ctx); err != nil {
			w.t.Errorf("pool: %v", err)
		}
	})
	work.Go(func() {
		if err := w.Run(ctx); err != nil {
			w.t.Errorf("service: %v", err)
		}
	})
}

// restart is the end of the process and the start of the next one.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
	synctest.Wait()
}

func (w *world) prepare(ctx context.Context, _ *content.Lab, access *provisioner.Access) error {
	w.mu.Lock()
	w.setups = append(w.setups, clusterOf(access))
	setup, err := w.setup, w.setupErr
	w.mu.Unlock()
	if setup != nil {
		return setup(ctx)
	}
	return err
}

func (w *world) fail(reach error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reachErr = reach
}

// judge is a judge whose results the test says.
type judge struct {
	results func([]grader.Result)
	crash   chan error // makes Run return

	mu   sync.Mutex
	open []string
	last []grader.Result // that the test had it find

	// What is found when a step is to be confirmed; nil is the last again.
	confirm func(step string) []grader.Result
}

func (w *world) judge(_ *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (labs.Judge, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := &judge{results: onResults, crash: make(chan error, 1)}
	w.judges[clusterOf(access)] = j
	return j, nil
}

func (j *judge) Run(ctx context.Context) error {
	select {
	case err := <-j.crash:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (j *judge) Open(steps []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open = slices.Clone(steps)
}

func (j *judge) Confirm(step string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := slices.Clone(j.last)
	if j.confirm != nil {
		last = j.confirm(step)
	}
	last = slices.DeleteFunc(last, func(r grader.Result) bool { return r.Step != step })
	for i := range last {
		last[i].Confirmed = true
	}
	go j.results(last) // the caller is the one that takes them
}

// again finds what was found last, a moment later.
func (j *judge) again() {
	j.mu.Lock()
	last := slices.Clone(j.last)
	j.mu.Unlock()
	for i := range last {
		last[i].At = time.Now()
	}
	j.results(last)
}

func (j *judge) opened() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.open, " ")
}

// clusterOf reads a cluster's name from how a workstation reaches it.
func clusterOf(access *provisioner.Access) string {
	name := strings.TrimPrefix(access.WorkstationServer, "https://")
	return strings.TrimSuffix(name, "-control-plane:6443")
}

// judgeOf returns the judge of the session's cluster.
func (w *world) judgeOf(view *labs.View) *judge {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.judges[view.Session.Cluster]
	if j == nil {
		w.t.Fatalf("no grader judges cluster %q of session %s", view.Session.Cluster, view.Session.ID)
	}
	return j
}

// find has the session's judge find results, and waits until they are dealt with.
func (w *world) find(view *labs.View, results ...grader.Result) {
	w.t.Helper()
	j := w.judgeOf(view)
	j.mu.Lock()
	j.last = results
	j.mu.Unlock()
	j.results(results)
	synctest.Wait()
}

// user adds a user without going through a password.
func (w *world) user(name string, role labs.Role) *labs.User {
	w.t.Helper()
	user := &labs.User{ID: "u_" + strings.ToLower(name), Name: name, Role: role, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
	if err := w.db.Stores().Users.Create(w.t.Context(), user); err != nil {
		w.t.Fatal(err)
	}
	return user
}

func (w *world) student() *labs.User { return w.user("Ada", labs.Student) }

// open opens a lab and returns its view once nothing moves any more.
func (w *world) open(user *labs.User, lab string) *labs.View {
	w.t.Helper()
	view, _, err := w.Open(w.t.Context(), user, lab)
	if err != nil {
		w.t.Fatalf("open %s: %v", lab, err)
	}
	synctest.Wait()
	return w.view(user, view.Session.ID)
}

func (w *world) view(user *labs.User, id string) *labs.View {
	w.t.Helper()
	view, err := w.View(w.t.Context(), user, id)
	if err != nil {
		w.t.Fatalf("view %s: %v", id, err)
	}
	return view
}

// class makes a class of students and returns it with its instructor.
func (w *world) class(name string, students ...*labs.User) (*labs.Class, *labs.User) {
	w.t.Helper()
	instructor := w.user(name, labs.Instructor)
	class, err := w.CreateClass(w.t.Context(), instructor, name+"'s class")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, student := range students {
		if _, _, err := w.Join(w.t.Context(), student, class.Code, "", ""); err != nil {
			w.t.Fatal(err)
		}
	}
	return class, instructor
}

// course has two labs: "pods", whose step "scale" comes after "create", and
// "services" with one step. What the step "look" looks for is to be found out.
func course() *content.Course {
	check := func(name string, points ...int) content.Check {
		return content.Check{
			Name:        name,
			Points:      sum(points),
			Objects:     map[string]content.Object{"pod": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "web"}},
			Validations: []content.Validation{{Expression: "true", Message: "never"}},
		}
	}
	seen := check("seen")
	seen.Diagnose = true
	pods := &content.Lab{Name: "pods", Module: "basics", Title: "All about pods", Minutes: 5, Steps: []content.Step{
		{Name: "create", Title: "Create", Points: 4, Hints: []content.Hint{{HTML: "free"}, {HTML: "dear", Cost: 2}}, Checks: []content.Check{check("exists", 2), check("image", 1)}},
		{Name: "look", Title: "Look", Points: 1, Checks: []content.Check{seen}},
		{Name: "scale", Title: "Scale", Points: 1, After: []string{"create"}, Checks: []content.Check{check("replicas")}},
	}}
	questions := &content.Lab{Name: "questions", Module: "basics", Title: "Questions", Minutes: 5, Steps: []content.Step{
		{Name: "tell", Title: "Tell", Points: 1, Checks: []content.Check{
			{Name: "many", Title: "How many?", Once: true, Answer: &content.Answer{Accept: []string{"42"}, Message: "Count again."}},
			{Name: "flash", Title: "It flashed", Once: true}, {Name: "dark", Title: "It is dark"}}},
	}}
	services := &content.Lab{Name: "services", Module: "basics", Title: "Services", Minutes: 5, Steps: []content.Step{
		{Name: "expose", Title: "Expose", Points: 1, Checks: []content.Check{check("exposed")}},
	}}
	third := *services
	third.Name, third.Title = "ingress", "Ingress"
	return &content.Course{Name: "kubernetes", Title: "Kubernetes", Modules: []*content.Module{
		{Name: "basics", Title: "Basics", Labs: []*content.Lab{pods, services, &third, questions}},
	}}
}

func sum(numbers []int) (total int) {
	for _, number := range numbers {
		total += number
	}
	return total
}

func passed(step, check string) grader.Result {
	return grader.Result{Step: step, Check: check, Status: grader.True, Reason: grader.ReasonPassed, At: moment()}
}

func wrong(step, check, message string) grader.Result {
	return grader.Result{Step: step, Check: check, Status: grader.False, Reason: grader.ReasonWrong, Message: message, At: moment()}
}

// moment is now, as precise as it is stored.
func moment() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func wantCode(t *testing.T, err error, want labs.Code) {
	t.Helper()
	if got := labs.CodeOf(err); got != want {
		t.Errorf("code of %v: got %q, want %q", err, got, want)
	}
}

func messageOf(err error) string {
	if known, ok := errors.AsType[*labs.Error](err); ok {
		return known.Message
	}
	return ""
}

func wantPhase(t *testing.T, view *labs.View, phase labs.Phase, reason string) {
	t.Helper()
	if view.Session.Phase != phase || view.Session.Reason != reason {
		t.Errorf("session is %s (%s: %s), want %s (%s)", view.Session.Phase, view.Session.Reason, view.Session.Message, phase, reason)
	}
}

// received tells whether a subscription has something to say, and takes it.
func received(changed <-chan struct{}) bool {
	select {
	case <-changed:
		return true
	default:
		return false
	}
}
