package labs_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/setup"
	"wheelhouse/provisioner"
)

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		release := w.provider.Block("Create")
		view, created, err := w.Open(t.Context(), ada, "pods")
		if err != nil || !created {
			t.Fatalf("got created %v, %v", created, err)
		}
		if view.Session.Phase != labs.Pending || view.Progress == nil || len(view.Steps) != 3 {
			t.Errorf("the first view is %+v", view)
		}
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Pending, "StartingCluster")
		if got, want := phaseNames(view.Progress), "Nodes ControlPlane Network Setup"; got != want {
			t.Errorf("phases are %q, want %q", got, want)
		}
		release()
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ready, "")
		if view.Progress != nil || view.Session.ReadyAt.IsZero() || view.Session.Cluster == "" {
			t.Errorf("the ready session is %+v", view)
		}
		if !slices.Equal(w.setups, []string{view.Session.Cluster}) {
			t.Errorf("prepared %v, want the session's cluster %s once", w.setups, view.Session.Cluster)
		}
		again, created, err := w.Open(t.Context(), ada, "pods")
		if err != nil || created || again.Session != view.Session {
			t.Errorf("opened again: got %+v, %v, %v", again, created, err)
		}
		access, err := w.Access(t.Context(), ada, view.Session.ID, labs.Write)
		if err != nil || clusterOf(access) != view.Session.Cluster {
			t.Errorf("Access: got %+v, %v", access, err)
		}
		_, _, err = w.Open(t.Context(), ada, "no-such-lab")
		wantCode(t, err, labs.CodeNotFound)
	})
}

func phaseNames(progress *provisioner.Progress) string {
	var names []string
	for _, phase := range progress.Phases {
		names = append(names, phase.Name)
	}
	return strings.Join(names, " ")
}

func TestOpenAtOnceIsOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		ids := make([]string, 20)
		var work sync.WaitGroup
		for i := range ids {
			work.Go(func() {
				view, _, err := w.Open(t.Context(), ada, "pods")
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = view.Session.ID
			})
		}
		work.Wait()
		synctest.Wait()
		if distinct := slices.Compact(ids); len(distinct) != 1 {
			t.Errorf("got the sessions %v, want one", distinct)
		}
		if created := w.provider.Created(); len(created) != 1 {
			t.Errorf("made the clusters %v, want one", created)
		}
	})
}

func TestTooManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		pods := w.open(ada, "pods")
		w.open(ada, "services")
		_, _, err := w.Open(t.Context(), ada, "ingress")
		wantCode(t, err, labs.CodeLimited)
		if got, want := messageOf(err), "All about pods and Services"; !strings.Contains(got, want) {
			t.Errorf("the message %q does not name the open labs %q", got, want)
		}
		if err := w.End(t.Context(), ada, pods.Session.ID); err != nil {
			t.Fatal(err)
		}
		w.open(ada, "ingress")
	})
}

func TestWaitingInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		release := w.provider.Block("Create")
		var last *labs.View
		var user *labs.User
		for _, name := range []string{"a", "b", "c", "d"} { // two clusters are made at a time
			user = w.user(name, labs.Student)
			last = w.open(user, "pods")
		}
		wantPhase(t, last, labs.Pending, "WaitingForCluster")
		if got, want := last.Session.Message, "One other is before you"; !strings.Contains(got, want) || last.Progress.Place != 2 {
			t.Errorf("got place %d with %q, want place 2 with %q", last.Progress.Place, got, want)
		}
		release()
		synctest.Wait()
		wantPhase(t, w.view(user, last.Session.ID), labs.Ready, "")
	})
}

func TestStepsTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		changed, cancel, err := w.Subscribe(t.Context(), ada, view.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		if got, want := w.judgeOf(view).opened(), "create look"; got != want {
			t.Errorf("judged are %q, want %q", got, want)
		}

		first := []grader.Result{wrong("create", "exists", "There is no pod."), wrong("create", "image", "It is not nginx."), wrong("look", "seen", "Not seen.")}
		w.find(view, first...)
		if !received(changed) {
			t.Error("nobody was told of the first results")
		}
		// The same, only later, is no change.
		time.Sleep(time.Second)
		w.find(view, wrong("create", "exists", "There is no pod."), first[1], first[2])
		if received(changed) {
			t.Error("the same results were told as a change")
		}
		// A step needs all of its checks at the same time.
		w.find(view, passed("create", "exists"), first[1], first[2])
		w.find(view, wrong("create", "exists", "It is gone."), passed("create", "image"), first[2])
		if view = w.view(ada, view.Session.ID); !view.Steps[0].CompletedAt.IsZero() {
			t.Error("the step was completed by checks that were never True together")
		}
		w.find(view, passed("create", "exists"), passed("create", "image"), first[2])
		view = w.view(ada, view.Session.ID)
		if got, want := completed(view), "create"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}
		if got, want := w.judgeOf(view).opened(), "look scale"; got != want {
			t.Errorf("judged are %q, want %q", got, want)
		}
		// It stays complete, with the results that completed it.
		w.find(view, wrong("create", "exists", "It is gone."), passed("look", "seen"), wrong("scale", "replicas", "Want 3."))
		view = w.view(ada, view.Session.ID)
		if got, want := completed(view), "create look"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}
		if got := view.Steps[0].Results; got[0].Status != grader.True || got[1].Status != grader.True {
			t.Errorf("the results of a complete step changed: %+v", got)
		}
		if !view.Session.FinishedAt.IsZero() {
			t.Error("finished too early")
		}
		w.find(view, passed("scale", "replicas"))
		view = w.view(ada, view.Session.ID)
		if view.Session.FinishedAt.IsZero() || view.Session.Phase != labs.Ready {
			t.Errorf("not finished: %+v", view.Session)
		}
		if got := w.judgeOf(view).opened(); got != "" {
			t.Errorf("judged are %q, want nothing", got)
		}
		entries, err := w.Progress(t.Context(), ada)
		if err != nil || !entries["pods"].FinishedAt([]string{"create", "look", "scale"}).Equal(view.Session.FinishedAt) {
			t.Errorf("Progress: got %+v, %v", entries["pods"], err)
		}
	})
}

// completed returns the names of the complete steps.
func completed(view *labs.View) string {
	var names []string
	for _, step := range view.Steps {
		if !step.CompletedAt.IsZero() {
			names = append(names, step.Step)
		}
	}
	return strings.Join(names, " ")
}

func TestAStepWaitsForThoseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		w.find(view, passed("scale", "replicas"), wrong("create", "exists", "There is no pod."))
		view = w.view(ada, view.Session.ID)
		if completed(view) != "" || len(view.Steps[2].Results) != 0 {
			t.Errorf("a step was judged before its turn: %+v", view.Steps[2])
		}
	})
}

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

// fullDisk is a store whose disk the test fills.
type fullDisk struct {
	labs.Results
	full atomic.Bool
}

func (f *fullDisk) Record(ctx context.Context, session *labs.Session, results []grader.Result, completed map[string]time.Time) error {
	if f.full.Load() {
		return &labs.Error{Code: labs.CodeUnavailable, Message: "The server's disk is full."}
	}
	return f.Results.Record(ctx, session, results, completed)
}

func TestWhatIsNotSavedIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{}
		w := newWorld(t, func(w *world) {
			w.wrap = func(stores *labs.Stores) { disk.Results, stores.Results = stores.Results, disk }
		})
		ada := w.student()
		view := w.open(ada, "pods")

		disk.full.Store(true)
		w.find(view, passed("look", "seen"))
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ready, "NotSaved")
		if completed(view) != "" || view.Session.Message != "The server's disk is full." {
			t.Errorf("the page shows %+v", view)
		}
		disk.full.Store(false)
		time.Sleep(time.Minute)
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ready, "")
		if got, want := completed(view), "look"; got != want {
			t.Errorf("completed are %q, want %q", got, want)
		}

		disk.full.Store(true)
		wantCode(t, w.End(t.Context(), ada, view.Session.ID), labs.CodeUnavailable)
		synctest.Wait()
		if got := w.provider.Deleted(); len(got) != 1 {
			t.Errorf("deleted %v, want the cluster of a session whose end is not saved", got)
		}
		disk.full.Store(false)
		time.Sleep(time.Minute)
		saved, err := w.db.Stores().Sessions.Get(t.Context(), view.Session.ID)
		if err != nil || saved.Phase != labs.Ended {
			t.Errorf("the end was never saved: %+v, %v", saved, err)
		}
	})
}
