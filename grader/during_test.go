package grader_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// gentle is a check that at least 2 replicas are ready in every state from
// version 1 to version 2.
func gentle() *content.Lab {
	l := lab(web, is("deploy.status.ready >= 2", "too few were ready"))
	l.Steps[0].Checks[0].During = &content.During{
		From:  "deploy.spec.version == 1 && deploy.status.ready == 3",
		Until: "deploy.spec.version == 2 && deploy.status.ready == 3",
	}
	return l
}

// state is the deployment web with a version and so many replicas that are ready.
func state(version, ready int) string {
	return fmt.Sprintf("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default}, spec: {version: %d}, status: {ready: %d}}", version, ready)
}

func TestHowAChangeWent(t *testing.T) {
	const again = "Go back to where it began and do it again."
	for _, test := range []struct {
		name   string
		states []string // in one go, so that none of those between is there when it is judged
		want   string   // "BROKEN" stands for the sentence about one that broke
	}{
		{"nothing", nil, "Pending: The change has not begun."},
		{"not the beginning", []string{state(1, 2)}, "Pending: The change has not begun."},
		{"the beginning", []string{state(1, 3)}, "Pending: All is ready; the change is watched as soon as it begins."},
		{"under way", []string{state(1, 3), state(2, 2)}, "Pending: The change is not complete yet. What has to hold has held since"},
		{"gentle", []string{state(1, 3), state(2, 2), state(2, 3)}, "Passed"},
		{"at once", []string{state(1, 3), state(2, 3)}, "Passed"},
		{"the end alone", []string{state(2, 2), state(2, 3)}, "Pending: The change has not begun."},
		{"broken for a moment", []string{state(1, 3), state(2, 2), state(2, 1), state(2, 2), state(2, 3)}, "BROKEN"},
		{"broken and under way", []string{state(1, 3), state(2, 1)}, "BROKEN"},
		{"broken before it began", []string{state(1, 1), state(1, 3), state(2, 2), state(2, 3)}, "Passed"},
		{"once more, and well", []string{state(1, 3), state(2, 0), state(2, 3), state(1, 3), state(2, 2), state(2, 3)}, "Passed"},
		{"deleted on the way", []string{state(1, 3), "", state(2, 3)}, "Wrong: At 01:00:00: There is no Deployment named web in namespace default."},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				_, seen := watch(t, api, gentle(), "step")
				for _, s := range test.states {
					if s == "" {
						api.remove("deployments/default/web")
						continue
					}
					api.put(t, s)
				}
				want := strings.Replace(test.want, "BROKEN", "Wrong: At "+time.Now().Local().Format(time.TimeOnly)+": too few were ready. "+again, 1)
				want = strings.Replace(want, "01:00:00", time.Now().Local().Format(time.TimeOnly), 1)
				within(t, time.Second, seen, want)
			})
		})
	}
}

// A change that was refused, or hangs, does not say that all is well: it says what is
// missing.
func TestAChangeThatIsNotCompleteSaysWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		_, seen := watch(t, api, gentle(), "step")
		api.put(t, state(1, 3))
		api.put(t, state(2, 2))
		within(t, time.Second, seen, "Pending: The change is not complete yet")
		if got := seen.newest()[0]; got.Wanted != "3" || got.Found != "2" || got.Object != "Deployment default/web" {
			t.Errorf("got wanted %q, found %q of %q; want 3, 2 of the Deployment", got.Wanted, got.Found, got.Object)
		}
	})
}

func TestAChangeThatCouldNotBeSeen(t *testing.T) {
	cut := func(a *apiServer) { a.cuts++; a.version += 1000; a.oldest = a.version; a.events = nil }
	for _, test := range []struct {
		name   string
		before []string
		after  string // the state after the gap
		want   string
	}{
		{"on the way", []string{state(1, 3), state(2, 2)}, state(2, 3), "NotSeen: For a moment before "},
		{"from the beginning on", []string{state(1, 3)}, state(2, 3), "NotSeen: For a moment before "},
		{"all is as it was", []string{state(1, 3), state(2, 2)}, "", "NotSeen: For a moment before "},
		{"before it began", []string{state(1, 2)}, state(1, 3), "Pending: All is ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				_, seen := watch(t, api, gentle(), "step")
				for _, s := range test.before {
					api.put(t, s)
				}
				pass(time.Second)
				api.update(func() { cut(api) })
				if test.after != "" {
					api.put(t, test.after)
				}
				within(t, 10*time.Second, seen, test.want)
				// It is not lost: whoever does it again has it.
				for _, s := range []string{state(1, 3), state(2, 2), state(2, 3)} {
					api.put(t, s)
				}
				within(t, 10*time.Second, seen, "Passed")
			})
		})
	}
}

func TestAChangeIsNotJudgedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		api.put(t, state(1, 3))
		program, err := grader.Compile(gentle())
		if err != nil {
			t.Fatal(err)
		}
		results, err := program.Watch(api.config(), grader.Options{}).Evaluate(t.Context())
		if err != nil || len(results) != 0 {
			t.Errorf("got %v, %v, want no result", results, err)
		}
	})
}
