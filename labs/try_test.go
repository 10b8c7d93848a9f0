package labs_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
)

// choice is a step that counts 6, with a question of four options, two of which are
// asked for in words.
func choice() content.Step {
	return content.Step{Name: "choose", Title: "Choose", Points: 6, Checks: []content.Check{
		{Name: "kind", Title: "Which is a kind of object?", Once: true, Answer: &content.Answer{Options: []string{"Pod", "kubelet", "etcd", "kubectl"}, Accept: []string{"Pod"}, Message: "A program."}},
		{Name: "port", Title: "Which port?", Once: true, Answer: &content.Answer{Accept: []string{"80"}, Message: "No."}},
	}}
}

// TestTries: an option of a question cannot be tried until one is right, at full points.
func TestTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			lab, _ := w.options.Course.Lab("questions")
			lab.Steps = append(lab.Steps, choice())
		})
		ada := w.student()
		id := w.open(ada, "questions").Session.ID
		answer := func(check, text string) *labs.View {
			t.Helper()
			view, err := w.Answer(t.Context(), ada, id, "choose", check, text)
			if err != nil {
				t.Fatal(err)
			}
			return view
		}
		tried := func(want ...string) {
			t.Helper()
			step := choice()
			if got := labs.WrongOptions(&step, &step.Checks[0], w.view(ada, id).Tries); !slices.Equal(got, want) {
				t.Errorf("tried %q, want %q", got, want)
			}
		}
		tried()
		answer("kind", "kubelet")
		answer("kind", "kubelet") // it counts once
		tried("kubelet")
		w.restart()
		tried("kubelet")

		// What is typed can be tried as often as one likes: nobody guesses it.
		for _, text := range []string{"8080", "443", "80"} {
			answer("port", text)
		}
		// In the next session they count as well.
		if err := w.End(t.Context(), ada, id); err != nil {
			t.Fatal(err)
		}
		id = w.open(ada, "questions").Session.ID
		tried("kubelet")
		answer("kind", "etcd")
		tried("kubelet", "etcd")
		answer("kind", "Pod")
		answer("kind", "kubectl") // what was right stays, and this costs nothing
		tried("kubelet", "etcd")
		view := answer("port", "80")
		if view, err := w.Answer(t.Context(), ada, id, "choose", "kind", "kubectl"); labs.CodeOf(err) != labs.CodeConflict {
			t.Errorf("after the step is complete: got %v, %v, want a conflict", view, err)
		}
		// Half of the step's 6 are the question's, and of these two of three parts are lost.
		if got := pointsOf(w, view, "choose"); got != 4 || !slices.Contains([]string{"choose"}, completed(view)) {
			t.Errorf("got %d points and %q complete, want 4 of 6 and choose", got, completed(view))
		}
		entries, err := w.Progress(t.Context(), ada)
		if err != nil {
			t.Fatal(err)
		}
		step := choice()
		if got := entries["questions"].Points(&step); got != 4 {
			t.Errorf("the gradebook: got %d points, want 4", got)
		}
	})
}

// TestWhatIsRightIsNotShownAsWrong: an option that its author has made right since it
// was chosen can be chosen.
func TestWhatIsRightIsNotShownAsWrong(t *testing.T) {
	step := choice()
	step.Checks[0].Answer.Accept = []string{"Pod", "etcd"}
	tries := []labs.Try{{Step: "choose", Check: "kind", Option: "etcd"}, {Step: "choose", Check: "kind", Option: "kubelet"}}
	if got := labs.WrongOptions(&step, &step.Checks[0], tries); !slices.Equal(got, []string{"kubelet"}) {
		t.Errorf("got %q, want kubelet alone", got)
	}
}

// TestLostPoints: what each number of wrong options costs.
func TestLostPoints(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	options := []string{"kubelet", "etcd", "kubectl"}
	for _, test := range []struct {
		name   string
		change func(*content.Step)
		tried  int
		want   int // of 6 points
	}{
		{"none", nil, 0, 6},
		{"one", nil, 1, 5},
		{"two", nil, 2, 4},
		{"all", nil, 3, 3},
		{"of a question that counts by itself", func(s *content.Step) { s.Checks[0].Points, s.Checks[1].Points = 4, 2 }, 3, 2},
		{"one of them", func(s *content.Step) { s.Checks[0].Points, s.Checks[1].Points = 4, 2 }, 1, 5},
		{"of a question that counts nothing", func(s *content.Step) { s.Checks[1].Points = 2 }, 3, 6},
		{"with two that are right", func(s *content.Step) { s.Checks[0].Answer.Accept = []string{"Pod", "kubelet"} }, 3, 3},
		{"where the question has others now", func(s *content.Step) { s.Checks[0].Answer.Options = []string{"Pod", "Node", "etcd"} }, 3, 5},
		{"where it is no question any more", func(s *content.Step) { s.Checks[0].Answer = nil }, 3, 6},
		{"of a step of one point", func(s *content.Step) { s.Points, s.Checks = 1, s.Checks[:1] }, 2, 1},
		{"of a step of one point, all", func(s *content.Step) { s.Points, s.Checks = 1, s.Checks[:1] }, 3, 0},
	} {
		step := choice()
		if test.change != nil {
			test.change(&step)
		}
		var tries []labs.Try
		for _, option := range options[:test.tried] {
			tries = append(tries, labs.Try{Step: "choose", Check: "kind", Option: option, At: at})
		}
		tries = append(tries, labs.Try{Step: "another", Check: "kind", Option: "kubectl", At: at}, labs.Try{Step: "choose", Check: "kind", Option: "kubectl", At: at.Add(2 * time.Hour)})
		if got := labs.Points(&step, at.Add(time.Hour), []grader.Result{}, nil, tries); got != test.want {
			t.Errorf("%s: got %d points, want %d", test.name, got, test.want)
		}
	}
}
