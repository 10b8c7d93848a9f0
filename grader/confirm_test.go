package grader_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// owner completes steps as a session does.
type owner struct {
	recorder
	watcher *grader.Watcher
	lab     *content.Lab

	mu       sync.Mutex
	latest   map[string]grader.Result // by check
	complete bool
	moment   func()            // called when the step is complete
	batches  [][]grader.Result // of confirmed results
}

func (o *owner) take(results []grader.Result) {
	o.add(results)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, result := range results {
		o.latest[result.Check] = result
	}
	step := &o.lab.Steps[0]
	confirmed := grader.Confirmed(step, results)
	if confirmed {
		o.batches = append(o.batches, results)
	}
	if o.complete || !step.Complete(func(check string) bool { return o.latest[check].Status == grader.True }) {
		return
	}
	if !confirmed {
		o.watcher.Confirm(step.Name)
		return
	}
	o.complete = true
	if o.moment != nil {
		o.moment()
	}
}

func (o *owner) completed() bool {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.complete
}

func (o *owner) status(check string) grader.Status {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.latest[check].Status
}

// own runs a Watcher on the lab's only step, and completes it, until the test ends.
func own(t *testing.T, api *apiServer, lab *content.Lab, moment func()) *owner {
	t.Helper()
	program, err := grader.Compile(lab)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	o := &owner{lab: lab, latest: map[string]grader.Result{}, moment: moment}
	o.watcher = program.Watch(api.config(), grader.Options{OnResults: o.take})
	o.watcher.Open([]string{"step"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	if err := o.watcher.Synced(t.Context()); err != nil {
		t.Fatalf("Synced: %v", err)
	}
	synctest.Wait()
	return o
}

// may is a check of what ada may do to Pods, repeated at an interval.
func may(verb string, allowed bool, interval time.Duration) content.Check {
	return content.Check{
		Name: verb, Title: verb, Line: 10,
		Can:         &content.Can{User: "ada", Verb: verb, Resource: "pods", Namespace: "default", Repeat: content.Repeat{Timeout: 5 * time.Second, Interval: interval}},
		Validations: []content.Validation{is(fmt.Sprintf("allowed == %t", allowed), "ada's rights are wrong")},
	}
}

func steps(checks ...content.Check) *content.Lab {
	return &content.Lab{Dir: "kubernetes/01-test/lab", Steps: []content.Step{{Name: "step", Checks: checks}}}
}

func (a *apiServer) allow(rights map[string]bool) {
	a.update(func() {
		for right, allowed := range rights {
			a.allowed["ada "+right+" pods"] = allowed
		}
	})
}

// The role edit allows both at once, and the guard is asked every half minute only:
// its True is from before.
func TestAGuardThatBrokeMeanwhileHoldsTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		o := own(t, api, steps(may("list", true, time.Second), may("delete", false, 30*time.Second)), nil)
		pass(5 * time.Second)
		api.allow(map[string]bool{"list": true, "delete": true})
		pass(2 * time.Second)
		if got := o.status("delete"); got != grader.False {
			t.Errorf("two seconds after the guard was broken it is %s, want False", got)
		}
		pass(2 * time.Minute)
		if o.completed() {
			t.Fatal("a step was completed by checks that were never True at the same time")
		}
		api.allow(map[string]bool{"delete": false})
		pass(31 * time.Second)
		if !o.completed() {
			t.Error("right work is not accepted")
		}
	})
}

func TestWhatHoldsIsConfirmedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		o := own(t, api, steps(may("list", true, time.Second), may("delete", false, 30*time.Second)), nil)
		api.allow(map[string]bool{"list": true})
		pass(1100 * time.Millisecond)
		if !o.completed() || len(o.batches) != 1 {
			t.Errorf("after a second: complete %t after %d confirmations, want it complete after one", o.completed(), len(o.batches))
		}
	})
}

// A Deployment that is changed while the probes of the confirmation run.
func TestObjectsAreReadAgainAfterTheProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.put(t, replicas(3))
		objects := content.Check{Name: "replicas", Title: "three", Objects: web, Validations: []content.Validation{is("deploy.spec.replicas == 3", "three, please")}, Line: 10}
		asked := 0
		api.update(func() {
			api.allowed["ada list pods"] = true
			api.reviewed = func() {
				if asked++; asked == 2 { // by the confirmation
					api.put(t, replicas(1))
				}
			}
		})
		o := own(t, api, steps(objects, may("list", true, time.Minute)), nil)
		pass(10 * time.Second)
		if o.completed() {
			t.Error("a step is complete although the Deployment was scaled down while the probe ran")
		}
		api.put(t, replicas(3))
		pass(2 * time.Second)
		if !o.completed() {
			t.Error("right work is not accepted")
		}
	})
}

func TestAConfirmationThatFailsIsTriedAgain(t *testing.T) {
	tests := []struct {
		name   string
		broken func(*apiServer)
		mended func(*apiServer)
	}{
		{"a right that is gone for a moment", func(a *apiServer) { a.allowed["ada list pods"] = false }, func(a *apiServer) { a.allowed["ada list pods"] = true }},
		{"a server that is down for a moment", func(a *apiServer) { a.trouble = down; a.cuts++ }, func(a *apiServer) { a.trouble = none }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				asked := 0
				api.update(func() {
					api.allowed["ada list pods"] = true
					api.reviewed = func() {
						if asked++; asked == 2 { // by the confirmation
							api.update(func() { test.broken(api) })
						}
					}
				})
				o := own(t, api, steps(may("list", true, 2*time.Second)), nil)
				pass(time.Second)
				if o.completed() {
					t.Fatal("the step is complete")
				}
				api.update(func() { test.mended(api) })
				pass(5 * time.Second)
				if !o.completed() {
					t.Error("right work is not accepted")
				}
			})
		})
	}
}

// What was seen once stays true, and is not asked for again.
func TestOnceIsNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.allow(map[string]bool{"list": true, "get": true})
		once := may("get", true, time.Hour)
		once.Once = true
		o := own(t, api, steps(once, may("list", true, time.Hour)), nil)
		pass(time.Second)
		if !o.completed() {
			t.Fatal("the step is not complete")
		}
		if got := o.batches[0]; len(got) != 1 || got[0].Check != "list" {
			t.Errorf("confirmed were %+v, want list alone", got)
		}
		requests := api.log()
		if got := slices.DeleteFunc(requests, func(r string) bool { return r != "may ada get pods" }); len(got) != 1 {
			t.Errorf("the check that is True once was asked %d times, want once", len(got))
		}
	})
}

func TestOnlyOpenStepsAreConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		o := own(t, api, steps(may("list", true, time.Hour)), nil)
		o.watcher.Open(nil)
		o.watcher.Confirm("step")
		o.watcher.Confirm("no-such-step")
		pass(time.Minute)
		if len(o.batches) != 0 {
			t.Errorf("a step that is not open was confirmed: %+v", o.batches)
		}
	})
}

// Rights come and go at random: whenever a step is complete, all of them are right.
func TestStepsAreCompleteAtOneMoment(t *testing.T) {
	completed := 0
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			api := newAPIServer(t)
			between := func() time.Duration { return time.Duration(500+random.IntN(20000)) * time.Millisecond }
			lab := steps(may("get", true, between()), may("list", true, between()), may("delete", false, between()))
			own(t, api, lab, func() {
				api.mu.Lock()
				defer api.mu.Unlock()
				if api.allowed["ada delete pods"] || !api.allowed["ada list pods"] || !api.allowed["ada get pods"] {
					t.Errorf("seed %d: the step was completed when ada might %v", seed, api.allowed)
				}
				completed++
			})
			for range 40 {
				api.allow(map[string]bool{[]string{"get", "list", "delete"}[random.IntN(3)]: random.IntN(2) == 0})
				pass(time.Duration(random.IntN(8000)) * time.Millisecond)
			}
			synctest.Wait()
		})
	}
	if completed < 10 {
		t.Errorf("%d of 60 steps were completed: this test sees nothing", completed)
	}
}
