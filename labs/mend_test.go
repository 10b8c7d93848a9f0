package labs_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/labs"
	"wheelhouse/labs/mend"
)

// TestMend: what a student broke is shown, mended when they ask for it, and gone from
// what is shown at once.
func TestMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		id := w.open(ada, "questions").Session.ID
		shown := func(want ...mend.Type) {
			t.Helper()
			var got []mend.Type
			for _, fault := range w.view(ada, id).Faults {
				got = append(got, fault.Type)
			}
			if !slices.Equal(got, want) {
				t.Errorf("shown are %q, want %q", got, want)
			}
		}
		set := func(err error, faults ...mend.Fault) {
			w.mu.Lock()
			w.faults, w.mendErr = faults, err
			w.mu.Unlock()
			time.Sleep(labs.Beat) // in the time of the test
			synctest.Wait()
		}
		refused := func(who *labs.User, fault mend.Type, want labs.Code) {
			t.Helper()
			if _, err := w.Mend(t.Context(), who, id, fault); labs.CodeOf(err) != want {
				t.Errorf("mend %s: got %v, want %s", fault, err, want)
			}
		}
		shown()
		set(nil, mend.Fault{Type: mend.Kubeconfig, Message: "Gone."}, mend.Fault{Type: mend.Addons, Message: "Gone too."})
		shown(mend.Kubeconfig, mend.Addons)
		view, err := w.Mend(t.Context(), ada, id, mend.Kubeconfig)
		if err != nil || len(view.Faults) != 1 {
			t.Errorf("got %v, %v", view, err)
		}
		shown(mend.Addons)

		refused(ada, "Everything", labs.CodeInvalid)
		refused(w.user("Bob", labs.Student), mend.Addons, labs.CodeNotFound)
		set(errors.New("no space"), mend.Fault{Type: mend.Addons})
		refused(ada, mend.Addons, labs.CodeUnavailable)
		shown(mend.Addons)
		if err := w.End(t.Context(), ada, id); err != nil {
			t.Fatal(err)
		}
		shown()
		refused(ada, mend.Addons, labs.CodeConflict)
	})
}
