package grader_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// recorder keeps what a Watcher told.
type recorder struct {
	mu   sync.Mutex
	told [][]grader.Result
}

func (r *recorder) add(results []grader.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, results)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.told)
}

func (r *recorder) newest() []grader.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told[len(r.told)-1]
}

// last is the newest results in one line: "reason: message" of each check.
func (r *recorder) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		return "nothing"
	}
	var lines []string
	for _, result := range r.told[len(r.told)-1] {
		lines = append(lines, strings.TrimSuffix(result.Reason+": "+result.Message, ": "))
	}
	return strings.Join(lines, " | ")
}

// watch runs a Watcher in the test's bubble until the test ends.
func watch(t *testing.T, api *apiServer, lab *content.Lab, steps ...string) (*grader.Watcher, *recorder) {
	t.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	seen := &recorder{}
	watcher := program.Watch(api.config(), grader.Options{OnResults: seen.add})
	watcher.Open(steps)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	if err := watcher.Synced(t.Context()); err != nil {
		t.Fatalf("Synced: %v", err)
	}
	return watcher, seen
}

// within waits until the newest results are want, for no longer than limit of
// the bubble's time, and says how long it took.
func within(t *testing.T, limit time.Duration, seen *recorder, want string) time.Duration {
	t.Helper()
	started := time.Now()
	for {
		synctest.Wait()
		got := seen.last()
		if strings.HasPrefix(got, want) {
			return time.Since(started)
		}
		if time.Since(started) > limit {
			t.Fatalf("after %v\ngot  %s\nwant %s…", limit, got, want)
		}
		pass(time.Millisecond)
	}
}

// pass lets time go by in the test's bubble; none goes by outside.
func pass(d time.Duration) { <-time.After(d) }

func three() *content.Lab { return lab(web, is("deploy.spec.replicas == 3", "three, please")) }

// replicas is the deployment web that asks for n pods.
func replicas(n int) string {
	return fmt.Sprintf("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {replicas: %d}}", n)
}

func TestEveryChangeIsJudgedAfterTheDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		_, seen := watch(t, api, three(), "step")
		if want := "NotFound: There is no Deployment named web in namespace default."; seen.last() != want {
			t.Errorf("got %q first, want %q", seen.last(), want)
		}
		for _, change := range []struct{ do, want string }{
			{replicas(1), "Wrong: three, please"},
			{replicas(3), "Passed"},
			{replicas(2), "Wrong: three, please"},
			{"", "NotFound: There is no Deployment named web"},
			{replicas(3), "Passed"},
		} {
			if change.do == "" {
				api.remove("deployments/default/web")
			} else {
				api.put(t, change.do)
			}
			if took := within(t, time.Second, seen, change.want); took > 27*time.Millisecond {
				t.Errorf("%s took %v, want the debounce of 25 ms", change.want, took)
			}
		}
	})
}

func TestNearMissesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		_, seen := watch(t, api, three(), "step")
		api.put(t, manifest("Deployment", "shop", "web"))
		within(t, time.Second, seen, "NotFound: There is no Deployment named web in namespace default; one exists in namespace shop")
		api.remove("deployments/shop/web")
		within(t, time.Second, seen, "NotFound: There is no Deployment named web in namespace default")
		api.put(t, replicas(3))
		within(t, time.Second, seen, "Passed")

		api.log()
		told := seen.count()
		api.put(t, manifest("Deployment", "shop", "web"))
		pass(time.Minute)
		if got := api.log(); len(got) > 0 || seen.count() != told {
			t.Errorf("once the object is there, others of its kind still matter: requests %v, %d evaluations", got, seen.count()-told)
		}
	})
}

func TestOnlyWhatOpenStepsNameIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.put(t, replicas(3))
		l := three()
		l.Steps = append(l.Steps, content.Step{Name: "later", Checks: []content.Check{{Name: "pods", Title: "Pods", Validations: []content.Validation{is("pods.size() == 0", "none, please")},
			Objects: map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod", Namespace: "default", Selector: map[string]string{"app": "web"}}}}}})
		watcher, seen := watch(t, api, l, "step")
		sorted := func() string { // without what every check that passes looks at
			log := slices.DeleteFunc(api.log(), func(r string) bool {
				return strings.Contains(r, "apiregistration") || strings.Contains(r, "apiservices")
			})
			slices.Sort(log)
			return strings.Join(log, ", ")
		}
		if got, want := sorted(), "discover apps/v1, list default/deployments metadata.name=web, watch default/deployments metadata.name=web"; got != want {
			t.Errorf("first step\ngot  %s\nwant %s", got, want)
		}
		watcher.Open([]string{"later"})
		within(t, time.Second, seen, "Passed")
		if err := watcher.Synced(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := sorted(), "discover v1, list default/pods app=web, watch default/pods app=web"; got != want {
			t.Errorf("second step\ngot  %s\nwant %s", got, want)
		}
		told := seen.count()
		api.put(t, replicas(1))
		pass(time.Minute)
		if seen.count() != told {
			t.Errorf("a change that only closed steps look at was judged: %s", seen.last())
		}
		watcher.Open(nil)
		if err := watcher.Synced(t.Context()); err != nil {
			t.Fatal(err)
		}
		api.put(t, "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: default, labels: {app: web}}}")
		pass(time.Minute)
		if got := sorted(); got != "" || seen.last() != "" {
			t.Errorf("with no open step: requests %q, results %q", got, seen.last())
		}
	})
}

func TestStormCostsFewEvaluations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		_, seen := watch(t, api, three(), "step")
		told, started := seen.count(), time.Now()
		for i := range 1000 {
			api.put(t, replicas(i%3+1))
			if i%10 == 9 {
				pass(time.Millisecond)
			}
		}
		api.put(t, replicas(3))
		within(t, time.Second, seen, "Passed")
		if got, most := seen.count()-told, int(time.Since(started)/(25*time.Millisecond))+1; got > most {
			t.Errorf("1001 events in %v were judged %d times, want at most %d", time.Since(started), got, most)
		}
	})
}

func TestKindComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		widget := kind{"example.com/v1", "Widget", "widgets", true}
		_, seen := watch(t, api, lab(map[string]content.Object{"w": {APIVersion: "example.com/v1", Kind: "Widget", Namespace: "default", Name: "w"}}, is("w.spec.size == 1", "size one, please")), "step")
		missing := "NotFound: The cluster has no kind Widget (example.com/v1) yet"
		within(t, 0, seen, missing)
		for range 2 {
			api.update(func() { api.kinds = append(api.kinds, widget) })
			within(t, 2*time.Second, seen, "NotFound: There is no Widget named w in namespace default")
			api.put(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: default}, spec: {size: 1}}")
			within(t, time.Second, seen, "Passed")
			api.update(func() {
				api.kinds = slices.DeleteFunc(api.kinds, func(k kind) bool { return k == widget })
				clear(api.objects)
				api.cuts++
			})
			within(t, 3*time.Second, seen, missing)
		}
	})
}

func TestLostWatchesAreTakenUpAgain(t *testing.T) {
	const gone = "while it was cut off"
	tests := []struct {
		name  string
		cut   func(*apiServer)
		mend  func(*apiServer)
		limit time.Duration
	}{
		{"a watch that ends", func(a *apiServer) { a.cuts++ }, func(a *apiServer) {}, time.Second},
		{"a watch that has expired", func(a *apiServer) { a.cuts++; a.version += 1000; a.oldest = a.version; a.events = nil }, func(a *apiServer) {}, time.Second},
		{"a restart of one second", func(a *apiServer) { a.cuts++; a.trouble = down }, func(a *apiServer) { a.trouble = none }, 3 * time.Second},
		{"an error of one second", func(a *apiServer) { a.cuts++; a.trouble = sick }, func(a *apiServer) { a.trouble = none }, 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				api.put(t, replicas(1))
				_, seen := watch(t, api, three(), "step")
				told := seen.count()
				api.update(func() { test.cut(api) })
				pass(time.Second)
				if seen.count() != told {
					t.Errorf("%s was told: %s", gone, seen.last())
				}
				api.put(t, replicas(3))
				api.update(func() { test.mend(api) })
				within(t, test.limit, seen, "Passed")
				if got := seen.count() - told; got != 1 {
					t.Errorf("the change was judged %d times, want once", got)
				}
				api.remove("deployments/default/web")
				within(t, test.limit, seen, "NotFound")
			})
		})
	}
}

func TestSilentCluster(t *testing.T) {
	for _, trouble := range []trouble{frozen, down, sick} {
		t.Run(trouble.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				api.put(t, replicas(3))
				_, seen := watch(t, api, three(), "step")
				api.update(func() { api.trouble = trouble; api.cuts++ })
				if took := within(t, 20*time.Second, seen, "ClusterUnreachable: The cluster does not answer"); took < 4*time.Second {
					t.Errorf("students were told after %v: a restart is no trouble yet", took)
				}
				told := seen.count()
				pass(time.Minute)
				if seen.count() != told {
					t.Errorf("the same silence was told %d times more", seen.count()-told)
				}
				api.update(func() { api.trouble = none; api.cuts++ })
				within(t, 10*time.Second, seen, "Passed")
				api.put(t, replicas(1))
				within(t, 5*time.Second, seen, "Wrong")
			})
		})
	}
}

func TestClusterThatIsSilentFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.put(t, replicas(3))
		api.update(func() { api.trouble = down })
		_, seen := watch(t, api, three(), "step")
		within(t, 0, seen, "ClusterUnreachable")
		api.update(func() { api.trouble = none })
		within(t, 3*time.Second, seen, "Passed")
	})
}

func TestRunEndsWithWhateverTheClusterDoes(t *testing.T) {
	for _, trouble := range []trouble{none, frozen, down, sick} {
		t.Run(trouble.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails where a goroutine is left
				api := newAPIServer(t)
				api.update(func() { api.trouble = trouble })
				program, err := grader.Compile(three())
				if err != nil {
					t.Fatal(err)
				}
				watcher := program.Watch(api.config(), grader.Options{})
				watcher.Open([]string{"step"})
				ctx, cancel := context.WithTimeout(t.Context(), 1234*time.Millisecond)
				defer cancel()
				if err := watcher.Run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
				if got := ctx.Err(); got != context.DeadlineExceeded {
					t.Errorf("Run returned early: %v", got)
				}
			})
		})
	}
}

func TestEvaluateSaysThatTheClusterDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.update(func() { api.trouble = frozen })
		program, err := grader.Compile(three())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = program.Watch(api.config(), grader.Options{}).Evaluate(t.Context()); err == nil || !strings.Contains(err.Error(), "Deployment") {
			t.Errorf("got the error %v, want one that names what was asked for", err)
		}
	})
}

func TestEvaluateJudgesTheOpenStepsOrAll(t *testing.T) {
	api := newAPIServer(t)
	l := three()
	l.Steps = append(l.Steps, content.Step{Name: "more", Checks: []content.Check{{Name: "also", Objects: web, Validations: []content.Validation{is("true", "x")}}}})
	program, err := grader.Compile(l)
	if err != nil {
		t.Fatal(err)
	}
	watcher := program.Watch(api.config(), grader.Options{})
	for _, test := range []struct {
		open []string
		want string
	}{{nil, "step more"}, {[]string{"more"}, "more"}, {[]string{"more", "step"}, "step more"}, {[]string{}, ""}} {
		if test.open != nil {
			watcher.Open(test.open)
		}
		results, err := watcher.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, result := range results {
			steps = append(steps, result.Step)
		}
		if got := strings.Join(steps, " "); got != test.want {
			t.Errorf("Open(%q): got the steps %q, want %q", test.open, got, test.want)
		}
	}
}
