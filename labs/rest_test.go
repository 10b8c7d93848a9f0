package labs_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/labs"
)

// restful is a world whose sessions rest after ten minutes.
func restful(t *testing.T) *world {
	return newWorld(t, func(w *world) { w.options.Limits.Rest = 10 * time.Minute })
}

// wantRest waits for d and wants the session's cluster to rest then, or not.
func (w *world) wantRest(view *labs.View, d time.Duration, want bool) {
	w.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := w.provider.Frozen(view.Session.Cluster); got != want {
		w.t.Fatalf("frozen: got %t, want %t", got, want)
	}
	reason := ""
	if want {
		reason = "Resting"
	}
	now := w.view(&labs.User{ID: view.Session.UserID}, view.Session.ID)
	wantPhase(w.t, now, labs.Ready, reason)
	if want && !strings.Contains(now.Session.Message, "for 10 minutes") {
		w.t.Errorf("the message is %q", now.Session.Message)
	}
}

// Each way of looking at a session keeps its cluster from resting, and wakes it.
func TestRest(t *testing.T) {
	for _, test := range []struct {
		name string
		look func(w *world, ada, teacher *labs.User, id string) (leave func(), err error)
		held bool // until leave is called
	}{
		{"a page", func(w *world, ada, _ *labs.User, id string) (func(), error) {
			_, leave, err := w.Subscribe(w.t.Context(), ada, id)
			return leave, err
		}, true},
		{"the instructor's page", func(w *world, _, teacher *labs.User, id string) (func(), error) {
			_, leave, err := w.Subscribe(w.t.Context(), teacher, id)
			return leave, err
		}, true},
		{"a request that is under way", func(w *world, _, _ *labs.User, id string) (func(), error) {
			return w.Look(id), nil
		}, true},
		{"access", func(w *world, ada, _ *labs.User, id string) (func(), error) {
			view := w.view(ada, id)
			_, err := w.Access(w.t.Context(), ada, id, labs.Write)
			if w.provider.Frozen(view.Session.Cluster) {
				w.t.Error("access was given to a cluster that rests")
			}
			return func() {}, err
		}, false},
		{"a page that reads", func(w *world, _, _ *labs.User, id string) (func(), error) {
			w.Look(id)()
			return func() {}, nil
		}, false},
		{"a keystroke", func(w *world, _, _ *labs.User, id string) (func(), error) {
			w.Touch(id)
			return func() {}, nil
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := restful(t)
				ada := w.student()
				_, teacher := w.class("Eve", ada)
				view := w.open(ada, "pods")
				w.find(view, passed("look", "seen"), wrong("create", "exists", "There is no pod."))
				w.wantRest(view, 9*time.Minute, false)
				w.wantRest(view, 2*time.Minute, true)
				first := w.judgeOf(view)

				leave, err := test.look(w, ada, teacher, view.Session.ID)
				if err != nil {
					t.Fatal(err)
				}
				w.wantRest(view, 0, false)
				if w.judgeOf(view) == first {
					t.Fatal("no grader judges the woken session")
				}
				if got, want := w.judgeOf(view).opened(), "create"; got != want {
					t.Errorf("judged are %q, want %q", got, want)
				}
				if test.held {
					w.wantRest(view, time.Hour, false)
				}
				leave()
				w.find(view, passed("create", "exists"), passed("create", "image"))
				if got, want := completed(w.view(ada, view.Session.ID)), "create look"; got != want {
					t.Errorf("completed are %q, want %q", got, want)
				}
				w.wantRest(view, 9*time.Minute, false)
				w.wantRest(view, 2*time.Minute, true)
			})
		})
	}
}

// The class page is no look at a student but shows that the session rests, and
// what a stranger tries is none either.
func TestWhatIsNoLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		ada := w.student()
		class, teacher := w.class("Eve", ada)
		view := w.open(ada, "pods")
		w.wantRest(view, 11*time.Minute, true)
		_, cancel, err := w.SubscribeClass(t.Context(), teacher, class.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		grid, err := w.Grid(t.Context(), teacher, class.ID)
		if err != nil {
			t.Fatal(err)
		}
		if session := grid.Students[0].Entries["pods"].Session; session.Reason != "Resting" || session.Phase != labs.Ready {
			t.Errorf("the class sees the session %s (%s)", session.Phase, session.Reason)
		}
		_, _, err = w.Subscribe(t.Context(), w.user("Mallory", labs.Student), view.Session.ID)
		wantCode(t, err, labs.CodeNotFound)
		_, err = w.Access(t.Context(), teacher, view.Session.ID, labs.Write)
		wantCode(t, err, labs.CodeForbidden)
		w.wantRest(view, time.Minute, true)
	})
}

// A program that prints is at work, whoever looks at it.
func TestNoRestWhileATerminalPrints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		view := w.open(w.student(), "pods")
		for range 4 {
			w.mu.Lock()
			w.printed = time.Now()
			w.mu.Unlock()
			w.wantRest(view, 9*time.Minute, false)
		}
		w.wantRest(view, 2*time.Minute, true)
	})
}

func TestRestIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.wantRest(w.open(w.student(), "pods"), 24*time.Hour, false)
	})
}

// A restarted process wakes what rests, and knows who looks already.
func TestRestartWhileResting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"))
		before := w.view(ada, view.Session.ID)
		w.wantRest(view, 11*time.Minute, true)
		w.restart()
		w.wantRest(view, 0, false)
		if after := w.view(ada, view.Session.ID); !reflect.DeepEqual(after, before) {
			t.Errorf("after the restart the session is\n%+v, want\n%+v", after, before)
		}
		w.wantRest(view, 11*time.Minute, true)
	})
}

func TestOverWhileResting(t *testing.T) {
	for _, test := range []struct {
		name   string
		over   func(w *world, ada *labs.User, view *labs.View)
		phase  labs.Phase
		reason string
	}{
		{"ended", func(w *world, ada *labs.User, view *labs.View) {
			if err := w.End(w.t.Context(), ada, view.Session.ID); err != nil {
				w.t.Fatal(err)
			}
		}, labs.Ended, "EndedByStudent"},
		{"idle", func(*world, *labs.User, *labs.View) { time.Sleep(2 * time.Hour) }, labs.Ended, "Idle"},
		{"gone", func(w *world, _ *labs.User, view *labs.View) {
			w.provider.Vanish(view.Session.Cluster)
			time.Sleep(time.Minute)
		}, labs.Failed, "ClusterGone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(w *world) {
					w.options.Limits.Rest, w.options.Limits.Idle = 10*time.Minute, 2*time.Hour
				})
				ada := w.student()
				view := w.open(ada, "pods")
				w.wantRest(view, 11*time.Minute, true)
				test.over(w, ada, view)
				synctest.Wait()
				wantPhase(t, w.view(ada, view.Session.ID), test.phase, test.reason)
				if left, err := w.provider.List(t.Context()); err != nil || len(left) != 0 {
					t.Errorf("clusters are left: %v, %v", left, err)
				}
			})
		})
	}
}

// A cluster that cannot be frozen goes on, judged, and is tried again.
func TestRestFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		ada := w.student()
		view := w.open(ada, "pods")
		w.provider.Fail("Freeze", errors.New("device or resource busy"))
		w.wantRest(view, 10*time.Minute+30*time.Second, false)
		w.find(view, passed("look", "seen"))
		if got, want := completed(w.view(ada, view.Session.ID)), "look"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}
		w.wantRest(view, time.Minute, true)
	})
}

// A cluster that does not thaw at once is not given up, nor given out.
func TestWakingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		ada := w.student()
		view := w.open(ada, "pods")
		w.wantRest(view, 11*time.Minute, true)
		busy := errors.New("device or resource busy")
		w.provider.Fail("Thaw", busy, busy)
		_, err := w.Access(t.Context(), ada, view.Session.ID, labs.Write)
		wantCode(t, err, labs.CodeUnavailable)
		synctest.Wait()
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "Waking")
		w.wantRest(view, 30*time.Second, false)
	})
}

// A cluster whose processes end while it rests is started when a person comes.
func TestHaltedWhileResting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restful(t)
		ada := w.student()
		view := w.open(ada, "pods")
		w.wantRest(view, 11*time.Minute, true)
		w.provider.Halt(view.Session.Cluster)
		time.Sleep(time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "Resting")
		w.Touch(view.Session.ID)
		time.Sleep(time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
		if c, err := w.pool.Cluster(view.Session.Cluster); err != nil || c.State != "Ready" {
			t.Errorf("the cluster is %+v, %v", c, err)
		}
	})
}
