package labs_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs"
)

// pointsOf is what the session's view gives a step.
func pointsOf(w *world, view *labs.View, step string) int {
	lab, _ := w.options.Course.Lab(view.Session.Lab)
	of, _ := lab.Step(step)
	for _, state := range view.Steps {
		if state.Step == step {
			return labs.Points(of, state.CompletedAt, state.Results, view.Hints, view.Tries)
		}
	}
	return -1
}

// TestHints takes hints of the step create, which counts 4: 2 and 1 by its checks,
// 1 by being complete. Its first hint is free, its second costs 2.
func TestHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "pods")
		id := view.Session.ID
		take := func(step string, position int) *labs.View {
			t.Helper()
			view, err := w.TakeHint(t.Context(), ada, id, step, position)
			if err != nil {
				t.Fatalf("hint %d of %s: %v", position, step, err)
			}
			return view
		}
		refused := func(who *labs.User, step string, position int, want labs.Code) {
			t.Helper()
			_, err := w.TakeHint(t.Context(), who, id, step, position)
			wantCode(t, err, want)
		}
		points := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := pointsOf(w, w.view(ada, id), "create"); got != want {
				t.Errorf("got %d points, want %d", got, want)
			}
			entries, err := w.Progress(t.Context(), ada)
			if err != nil {
				t.Fatal(err)
			}
			lab, _ := w.options.Course.Lab("pods")
			if got := entries["pods"].Points(&lab.Steps[0]); got != want {
				t.Errorf("got %d points in the gradebook, want %d", got, want)
			}
		}
		refused(ada, "create", 1, labs.CodeConflict) // before the first one
		refused(ada, "create", 2, labs.CodeNotFound)
		refused(ada, "create", -1, labs.CodeNotFound)
		refused(ada, "look", 0, labs.CodeNotFound) // it has none
		refused(ada, "nothing", 0, labs.CodeNotFound)
		refused(w.user("Bob", labs.Student), "create", 0, labs.CodeNotFound)

		points(0)
		w.find(view, passed("create", "exists"), wrong("create", "image", "No."))
		points(2)
		first := take("create", 0)
		if got := take("create", 0); len(got.Hints) != 1 || got.Hints[0] != first.Hints[0] || first.Hints[0].Step != "create" {
			t.Errorf("the same hint twice: got %+v, then %+v", first.Hints, got.Hints)
		}
		points(2)
		take("create", 1)
		points(0)
		w.find(view, wrong("create", "exists", "No."), passed("create", "image"))
		points(0) // 1 less 2
		w.restart()
		points(0)
		w.find(view, passed("create", "exists"), passed("create", "image"))
		if got := completed(w.view(ada, id)); got != "create" {
			t.Fatalf("%q is complete", got)
		}
		points(2)

		// A hint that was taken keeps its cost, whatever the class says later.
		class, teacher := w.class("Teacher", ada)
		for _, cost := range []int{0, 1, 10, labs.AsWritten} {
			if _, err := w.SetHintCost(t.Context(), teacher, class.ID, cost); err != nil {
				t.Fatal(err)
			}
			points(2)
		}
		for _, cost := range []int{-2, 11} {
			_, err := w.SetHintCost(t.Context(), teacher, class.ID, cost)
			wantCode(t, err, labs.CodeInvalid)
		}
		_, err := w.SetHintCost(t.Context(), w.user("Other", labs.Instructor), class.ID, 0)
		wantCode(t, err, labs.CodeNotFound)

		// A later session has them too, and the points stay.
		if err := w.End(t.Context(), ada, id); err != nil {
			t.Fatal(err)
		}
		if got := w.view(ada, id); len(got.Hints) != 2 || len(got.HintCosts) != 1 {
			t.Errorf("the ended session: got hints %+v for %v", got.Hints, got.HintCosts)
		}
		if again := w.open(ada, "pods"); len(again.Hints) != 2 {
			t.Errorf("the next session: got hints %+v", again.Hints)
		}
		points(2)
	})
}

// TestHintAfterTheStep: what is read once all is done costs nothing.
func TestHintAfterTheStep(t *testing.T) {
	step := &content.Step{Name: "one", Points: 3, Hints: []content.Hint{{Cost: 1}, {Cost: 3}, {Cost: 9}}}
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	hint := func(position, cost int, after time.Duration) labs.TakenHint {
		return labs.TakenHint{Step: "one", Position: position, At: at.Add(after), Cost: cost}
	}
	for _, test := range []struct {
		name  string
		hints []labs.TakenHint
		want  int
	}{
		{"none", nil, 3},
		{"before", []labs.TakenHint{hint(0, 1, -1)}, 2},
		{"after", []labs.TakenHint{hint(0, 1, 1)}, 3},
		{"one of each", []labs.TakenHint{hint(0, 1, -1), hint(1, 3, 1)}, 2},
		{"never less than nothing", []labs.TakenHint{hint(0, 1, -1), hint(1, 3, -1)}, 0},
		{"another step's", []labs.TakenHint{{Step: "two", At: at.Add(-1), Cost: 1}}, 3},
		{"one that the lab no longer has", []labs.TakenHint{hint(7, 1, -1)}, 3},
		{"at another price than today's", []labs.TakenHint{hint(0, 2, -1)}, 1},
	} {
		if got := labs.Points(step, at, nil, test.hints, nil); got != test.want {
			t.Errorf("%s: got %d points, want %d", test.name, got, test.want)
		}
	}
}

// TestTheDearestClassSaysWhatAHintCosts: whoever is in several classes is told one
// price.
func TestTheDearestClassSaysWhatAHintCosts(t *testing.T) {
	step := &content.Step{Name: "one", Points: 3, Hints: []content.Hint{{Cost: 1}}}
	for want, costs := range map[int]labs.HintCosts{1: nil, 2: {0, 2, labs.AsWritten}, 0: {0, 0}, 3: {9}} {
		if got := costs.Of(step, &step.Hints[0]); got != want {
			t.Errorf("classes that say %v: the hint costs %d, want %d", costs, got, want)
		}
	}
}
