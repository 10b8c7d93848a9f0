package labs_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/labs"
	"wheelhouse/labs/setup"
	"wheelhouse/provisioner"
)

func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"), wrong("create", "exists", "There is no pod."))
		cluster := view.Session.Cluster
		for range 2 { // ending what has ended is no error
			if err := w.End(t.Context(), ada, view.Session.ID); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !slices.Equal(w.provider.Deleted(), []string{cluster}) {
			t.Errorf("deleted %v, want %s", w.provider.Deleted(), cluster)
		}
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ended, "EndedByStudent")
		if view.Session.Cluster != "" || view.Session.EndedAt.IsZero() || completed(view) != "look" {
			t.Errorf("the ended session is %+v", view)
		}
		_, err := w.Access(t.Context(), ada, view.Session.ID, labs.Write)
		wantCode(t, err, labs.CodeConflict)
		again := w.open(ada, "pods")
		if again.Session.ID == view.Session.ID || again.Session.Cluster == cluster || completed(again) != "" {
			t.Errorf("opened again: got %+v, want a new session on a new cluster", again)
		}
	})
}

func TestEndWhilePending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.setup = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ada := w.student()
		view := w.open(ada, "pods")
		wantPhase(t, view, labs.Pending, "SettingUp")
		if err := w.End(t.Context(), ada, view.Session.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ended, "EndedByStudent")
		if created, deleted := w.provider.Created(), w.provider.Deleted(); !slices.Equal(created, deleted) {
			t.Errorf("made %v, deleted %v", created, deleted)
		}
	})
}

// TestWhatStudentsAreToldOfTrouble: what is to be done on the machine, with its paths and
// commands, is for whoever has it. A student in a class learns whom to tell.
func TestWhatStudentsAreToldOfTrouble(t *testing.T) {
	missing := &provisioner.Error{Reason: provisioner.NoPack, Message: "There is no pack in /var/cache/wheelhouse. Run `wheelhouse pack build`."}
	for _, test := range []struct {
		name, hash string
		role       labs.Role
		whole      bool
	}{
		{"student", "argon2id", labs.Student, false},
		{"learner", "", labs.Student, true},
		{"instructor", "argon2id", labs.Instructor, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(w *world) { w.provider.Fail("Create", slices.Repeat([]error{missing}, 10)...) })
				user := &labs.User{ID: "u_x", Name: "X", Role: test.role, PasswordHash: test.hash, CreatedAt: time.Now()}
				if err := w.db.Stores().Users.Create(t.Context(), user); err != nil {
					t.Fatal(err)
				}
				view := w.open(user, "pods")
				check := func(message, next string) {
					t.Helper()
					said := strings.Contains(message, missing.Message)
					told := strings.Contains(message, "tell your instructor: NoPack") && strings.Contains(message, next)
					if said != test.whole || told == test.whole || !test.whole && strings.Contains(message, "/var") {
						t.Errorf("told %q", message)
					}
				}
				time.Sleep(500 * time.Millisecond) // one creation has failed
				synctest.Wait()
				waiting := w.view(user, view.Session.ID)
				wantPhase(t, waiting, labs.Pending, "WaitingForCluster")
				check(waiting.Session.Message, "trying again by itself")
				time.Sleep(time.Hour)
				synctest.Wait()
				failed := w.view(user, view.Session.ID)
				wantPhase(t, failed, labs.Failed, "NoPack")
				check(failed.Session.Message, "Open the lab again")
			})
		})
	}
}

func TestFailures(t *testing.T) {
	broken := &provisioner.Error{Reason: provisioner.NoEngine, Message: "No container engine answers. Start Docker.", Err: errors.New("dial")}
	for _, test := range []struct {
		name    string
		change  func(w *world)
		reason  string
		message []string
	}{
		{"set-up", func(w *world) {
			w.setupErr = &setup.Error{Message: "The set-up script 10.sh failed and printed:\nno such image\n", Err: errors.New("exit status 1")}
		}, "SetupFailed", []string{"10.sh", "no such image", "Open the lab again"}},
		{"endless set-up", func(w *world) {
			w.setup = func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}
		}, "SetupTimedOut", []string{"took too long", "Open it again"}},
		{"no engine", func(w *world) {
			w.provider.Fail("Create", slices.Repeat([]error{broken}, 10)...)
		}, "NoEngine", []string{"Start Docker"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, test.change)
				ada := w.student()
				view := w.open(ada, "pods")
				time.Sleep(time.Hour)
				synctest.Wait()
				view = w.view(ada, view.Session.ID)
				wantPhase(t, view, labs.Failed, test.reason)
				for _, want := range test.message {
					if !strings.Contains(view.Session.Message, want) {
						t.Errorf("the message is %q, want something with %q", view.Session.Message, want)
					}
				}
				if left, err := w.provider.List(t.Context()); err != nil || len(left) != 0 {
					t.Errorf("clusters are left: %v, %v", left, err)
				}
			})
		})
	}
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.options.Limits.Idle = 2 * time.Hour })
		ada := w.student()
		view := w.open(ada, "pods")
		for range 3 {
			time.Sleep(100 * time.Minute)
			w.Touch(view.Session.ID)
		}
		synctest.Wait()
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
		time.Sleep(100 * time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
		time.Sleep(21 * time.Minute)
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ended, "Idle")
		if want := "for 2 hours"; !strings.Contains(view.Session.Message, want) {
			t.Errorf("the message is %q, want something with %q", view.Session.Message, want)
		}
		if left, err := w.provider.List(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("clusters are left: %v, %v", left, err)
		}
	})
}

func TestUnreachableCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"))
		w.fail(errors.New("connection refused"))
		time.Sleep(time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "ClusterUnreachable")
		w.fail(nil)
		time.Sleep(time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
		w.fail(errors.New("connection refused"))
		time.Sleep(4 * time.Minute)
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Failed, "ClusterUnreachable")
		if completed(view) != "look" || !strings.Contains(view.Session.Message, "for 3 minutes") {
			t.Errorf("the failed session is %+v", view)
		}
	})
}

func TestClusterDeletedBehindOurBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"))
		time.Sleep(time.Minute)
		w.provider.Vanish(view.Session.Cluster)
		w.fail(errors.New("connection refused"))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Failed, "ClusterGone")
		if completed(view) != "look" || !strings.Contains(view.Session.Message, "Open the lab again") {
			t.Errorf("the failed session is %+v", view)
		}
		wantPhase(t, func() *labs.View { w.fail(nil); return w.open(ada, "pods") }(), labs.Ready, "")
	})
}

func TestBrokenCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		time.Sleep(time.Minute)
		w.provider.Break(view.Session.Cluster, "Its control plane node stopped.")
		w.fail(errors.New("connection refused"))
		time.Sleep(30 * time.Second)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "ClusterUnreachable")
		time.Sleep(40 * time.Second)
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Failed, "ClusterBroken")
		if want := "Its control plane node stopped."; !strings.Contains(view.Session.Message, want) {
			t.Errorf("the message is %q, want something with %q", view.Session.Message, want)
		}
	})
}

// TestHaltedCluster: after a restart of the machine a session waits for its
// cluster, which goes on.
func TestHaltedCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		time.Sleep(time.Minute)
		start := w.provider.Block("Start")
		w.provider.Halt(view.Session.Cluster)
		w.fail(errors.New("connection refused"))
		time.Sleep(time.Minute)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "ClusterHalted")
		start()
		w.fail(nil)
		time.Sleep(30 * time.Second)
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada, bob, eve := w.student(), w.user("Bob", labs.Student), w.user("Eve", labs.Student)
		ready := w.open(ada, "pods")
		w.find(ready, passed("create", "exists"), passed("create", "image"), wrong("look", "seen", "Not seen."))
		ready = w.view(ada, ready.Session.ID)
		gone := w.open(eve, "pods")

		w.setup = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		half := w.open(bob, "pods")
		wantPhase(t, half, labs.Pending, "SettingUp")
		w.stop()
		w.setup = nil
		w.provider.Vanish(gone.Session.Cluster)
		w.start()
		synctest.Wait()

		after := w.view(ada, ready.Session.ID)
		if !reflect.DeepEqual(after, ready) {
			t.Errorf("after the restart the session is\n%+v, want\n%+v", after, ready)
		}
		if got, want := w.judgeOf(after).opened(), "look scale"; got != want {
			t.Errorf("judged are %q, want %q", got, want)
		}
		w.find(after, passed("look", "seen"))
		if got, want := completed(w.view(ada, ready.Session.ID)), "create look"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}

		anew := w.view(bob, half.Session.ID)
		wantPhase(t, anew, labs.Ready, "")
		if anew.Session.Cluster == half.Session.Cluster || !slices.Contains(w.provider.Deleted(), half.Session.Cluster) {
			t.Errorf("the half set up cluster %s was kept", half.Session.Cluster)
		}
		wantPhase(t, w.view(eve, gone.Session.ID), labs.Failed, "ClusterGone")
	})
}

func TestRestartOfAPendingSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		release := w.provider.Block("Create")
		view := w.open(ada, "pods")
		w.restart()
		wantPhase(t, w.view(ada, view.Session.ID), labs.Pending, "StartingCluster")
		release()
		synctest.Wait()
		wantPhase(t, w.view(ada, view.Session.ID), labs.Ready, "")
	})
}

func TestLabThatLeftTheCourse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"))
		module := w.options.Course.Modules[0]
		module.Labs = module.Labs[1:]
		w.restart()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Failed, "LabGone")
		if completed(view) != "look" {
			t.Errorf("what was completed is lost: %+v", view.Steps)
		}
		if left, err := w.provider.List(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("clusters are left: %v, %v", left, err)
		}
	})
}

func TestJudgeThatGivesUpIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("look", "seen"))
		first := w.judgeOf(view)
		first.crash <- errors.New("out of order")
		time.Sleep(2 * time.Second)
		second := w.judgeOf(view)
		if second == first {
			t.Fatal("no grader judges any more")
		}
		if got, want := second.opened(), "create"; got != want {
			t.Errorf("judged are %q, want %q", got, want)
		}
		w.find(view, passed("create", "exists"), passed("create", "image"))
		if got, want := completed(w.view(ada, view.Session.ID)), "create look"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}
	})
}
