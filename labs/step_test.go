package labs_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

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
			t.Error("no subscriber was told of the first results")
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

// TestAStepIsCompleteWhenItIsConfirmed: checks that are True at times of their own
// complete nothing; what is found when all is asked for again decides.
func TestAStepIsCompleteWhenItIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		broken := wrong("create", "image", "It is not nginx any more.")
		var asked []string
		judge := w.judgeOf(view)
		judge.confirm = func(step string) []grader.Result {
			if asked = append(asked, step); len(asked) == 1 {
				return []grader.Result{passed("create", "exists"), broken}
			}
			return []grader.Result{passed("create", "exists"), passed("create", "image")}
		}
		w.find(view, passed("create", "exists"), passed("create", "image"))
		view = w.view(ada, view.Session.ID)
		if got := completed(view); got != "" {
			t.Fatalf("completed is %q", got)
		}
		if got := view.Steps[0].Results[1].Message; got != broken.Message {
			t.Errorf("the student is told %q, want what was found last: %q", got, broken.Message)
		}
		w.find(view, passed("create", "exists"), passed("create", "image"))
		if got := completed(w.view(ada, view.Session.ID)); got != "create" || len(asked) != 2 {
			t.Errorf("after %d confirmations %q is complete, want create after two", len(asked), got)
		}
	})
}

// What a student is to find out is not among what the check looked at, before they
// have found it.
func TestEvidenceDoesNotTellWhatIsToBeFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		_, teacher := w.class("Teacher", ada)
		view := w.open(ada, "pods")
		shows := func(result grader.Result) grader.Result {
			result.Evidence = []grader.Evidence{{Name: "Pod default/web", Text: "the answer"}}
			return result
		}
		read := func(user *labs.User, step int) int {
			steps, err := w.Results(t.Context(), user, view.Session.ID)
			if err != nil {
				t.Fatal(err)
			}
			return len(steps[step].Results[0].Evidence)
		}
		w.find(view, shows(wrong("create", "exists", "There is none.")), shows(wrong("look", "seen", "Look again.")))
		if got := []int{read(ada, 0), read(ada, 1), read(teacher, 1)}; !slices.Equal(got, []int{1, 0, 1}) {
			t.Errorf("pieces of evidence: of another check %d, of what is to be found %d, to the instructor %d; want 1, 0, 1", got[0], got[1], got[2])
		}
		w.find(view, shows(passed("look", "seen")))
		if got := read(ada, 1); got != 1 {
			t.Errorf("once it is found, the student is shown %d pieces of evidence, want 1", got)
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
