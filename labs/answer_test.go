package labs_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{}
		w := newWorld(t, func(w *world) {
			w.wrap = func(stores *labs.Stores) { disk.Results, stores.Results = stores.Results, disk }
		})
		ada := w.student()
		id := w.open(ada, "questions").Session.ID
		answer := func(text string) (*labs.View, error) {
			return w.Answer(t.Context(), ada, id, "tell", "many", text)
		}
		found := func(view *labs.View, err error) grader.Result {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return view.Steps[0].Results[0]
		}
		if got := found(answer("41")); got.Status != grader.False || got.Message != "Count again." || got.Found != "41" {
			t.Errorf("a wrong answer: got %+v", got)
		}
		// What cannot be stored is said, and tried again.
		disk.full.Store(true)
		_, err := answer("42")
		wantCode(t, err, labs.CodeUnavailable)
		disk.full.Store(false)
		time.Sleep(time.Minute)
		if got := found(w.view(ada, id), nil); got.Status != grader.True || got.Found != "42" {
			t.Errorf("a right answer once the disk has room: got %+v", got)
		}
		// It is kept over a restart, and by what the judge finds later.
		w.restart()
		w.find(w.view(ada, id), wrong("tell", "flash", "No."), wrong("tell", "dark", "No."))
		if got := found(w.view(ada, id), nil); got.Status != grader.True || got.Found != "42" {
			t.Errorf("after a restart: got %+v", got)
		}
		_, err = w.Answer(t.Context(), w.user("Bob", labs.Student), id, "tell", "many", "42")
		wantCode(t, err, labs.CodeNotFound)
	})
}

// TestOnceStays: what has to be so once only stays so, and all else has to be so
// at the same moment.
func TestOnceStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "questions")
		if _, err := w.Answer(t.Context(), ada, view.Session.ID, "tell", "many", "42"); err != nil {
			t.Fatal(err)
		}
		w.find(view, passed("tell", "flash"), wrong("tell", "dark", "It is light."))
		w.find(view, wrong("tell", "flash", "It is dark."), wrong("tell", "dark", "It is light."))
		view = w.view(ada, view.Session.ID)
		if got := view.Steps[0].Results[1]; got.Status != grader.True || completed(view) != "" {
			t.Errorf("got %+v and %q complete", got, completed(view))
		}
		w.find(view, wrong("tell", "flash", "It is dark."), passed("tell", "dark"))
		if view = w.view(ada, view.Session.ID); completed(view) != "tell" {
			t.Errorf("completed are %q, want tell", completed(view))
		}
	})
}
