package verify_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs/verify"
)

// labOf has three steps: each wants a note that says yes, and the third is judged
// only after the first.
func labOf() *content.Lab {
	step := func(name string, after ...string) content.Step {
		return content.Step{Name: name, After: after, Checks: []content.Check{{
			Name:    "note",
			Objects: map[string]content.Object{"notes": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "notes"}},
			Validations: []content.Validation{
				{Expression: "has(notes.data) && '" + name + "' in notes.data", Message: "There is no note yet.", Pending: true},
				{Expression: "notes.data." + name + " == 'yes'", MessageExpression: "'Want yes, the note says ' + notes.data." + name + " + '.'"},
			},
		}}}
	}
	return &content.Lab{Name: "notes", Dir: "course/notes", Steps: []content.Step{step("one"), step("two"), step("three", "one")}}
}

// withCommands makes a shell for the lines of a script: "set KEY VALUE", which
// takes a tenth of a second, "later KEY VALUE", which does so after two seconds
// in the background, "wait 1m" and "exit".
func withCommands(n *notes, text string) map[string]func(*tty) {
	commands := map[string]func(*tty){}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch words := strings.Fields(line); words[0] {
		case "set":
			commands[line] = func(*tty) {
				n.set(words[1], words[2])
				time.Sleep(100 * time.Millisecond) // in which it is seen
			}
		case "later":
			commands[line] = func(*tty) { time.AfterFunc(2*time.Second, func() { n.set(words[1], words[2]) }) }
		case "wait":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				panic(err)
			}
			commands[line] = after(d, func(*tty) {})
		case "exit":
			commands[line] = (*tty).exit
		}
	}
	return commands
}

// caseOf returns the case of that name.
func caseOf(t *testing.T, lab *content.Lab, name string) verify.Case {
	t.Helper()
	cases := verify.Cases(lab)
	at := slices.IndexFunc(cases, func(c verify.Case) bool { return c.Name == name })
	if at < 0 {
		t.Fatalf("there is no case %s in %v", name, cases)
	}
	return cases[at]
}

// prove runs one case of a lab and returns what it found.
func prove(t *testing.T, lab *content.Lab, name string, before ...string) (n *notes, problems []string) {
	n = newNotes()
	for _, key := range before {
		n.set(key, "yes")
	}
	var all strings.Builder
	for _, part := range lab.Solution {
		all.WriteString(part.Text)
	}
	for _, wrong := range lab.Wrong {
		all.WriteString(wrong.Text)
	}
	for _, right := range lab.Right {
		all.WriteString(right.Text)
	}
	problems, err := caseOf(t, lab, name).Prove(t.Context(), serve(t, n).config(), serve(t, &shell{commands: withCommands(n, all.String())}).dial)
	if err != nil {
		t.Fatal(err)
	}
	return n, problems
}

func wantProblems(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(got, want string) bool { return strings.HasPrefix(got, want) }) {
		t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCases(t *testing.T) {
	lab := labOf()
	lab.Wrong = []content.WrongAnswer{{Name: "half"}, {Name: "typo"}}
	lab.Right = []content.RightAnswer{{Name: "edit"}}
	var names []string
	for _, c := range verify.Cases(lab) {
		names = append(names, c.Name)
		if c.Lab != lab {
			t.Errorf("case %s is of lab %v", c.Name, c.Lab)
		}
	}
	if want := []string{"solution", "without/one", "without/two", "without/three", "wrong/half", "wrong/typo", "right/edit"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestSolution(t *testing.T) {
	const early = "step %s is complete before its part of the solution was typed: it gives points for nothing"
	for _, test := range []struct {
		name            string
		before          []string // notes that say yes on the fresh cluster
		one, two, three string
		want            []string
	}{
		{name: "right", one: "set one yes", two: "set two yes", three: "set three yes"},
		{name: "the state comes after the prompt", one: "later one yes", two: "set two yes", three: "later three yes"},
		{name: "a complete step stays complete", one: "set one yes\nset one no", two: "set two yes", three: "set three yes"},
		{
			name: "the baseline is complete", before: []string{"two"}, one: "set one yes", two: "set two yes", three: "set three yes",
			want: []string{strings.Replace(early, "%s", "two", 1)},
		},
		{
			name: "a part does the next one's work", one: "set one yes\nset two yes", two: "set two yes", three: "set three yes",
			want: []string{strings.Replace(early, "%s", "two", 1)},
		},
		{
			name: "a step is complete as soon as it is opened", before: []string{"three"}, one: "set one yes", two: "set two yes", three: "set three yes",
			want: []string{strings.Replace(early, "%s", "three", 1)},
		},
		{
			name: "a part does too little", one: "set one yes", two: "set two no", three: "set three yes",
			want: []string{"the solution does not complete step two within 2m0s: note is False (Wrong): Want yes, the note says no."},
		},
		{
			name: "a part does nothing", one: "set one yes", two: "wait 1s", three: "set three yes",
			want: []string{"the solution does not complete step two within 2m0s: note is False (Pending): There is no note yet."},
		},
		{
			name: "the shell ends", one: "set one yes", two: "exit", three: "set three yes",
			want: []string{`step two: the shell ended at "exit"`},
		},
		{
			name: "a line hangs", one: "set one yes", two: "wait 1h", three: "set three yes",
			want: []string{`step two: "wait 1h" was not over after 3m0s`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := labOf()
				for step, text := range map[string]string{"one": test.one, "two": test.two, "three": test.three} {
					lab.Solution = append(lab.Solution, content.Part{Step: step, Text: text + "\n"})
				}
				slices.SortFunc(lab.Solution, func(a, b content.Part) int {
					return slices.Index([]string{"one", "two", "three"}, a.Step) - slices.Index([]string{"one", "two", "three"}, b.Step)
				})
				n, problems := prove(t, lab, "solution", test.before...)
				wantProblems(t, problems, test.want...)
				if last := n.get("three"); len(test.want) == 0 && last != "yes" {
					t.Errorf("the last part of the solution was not typed: three is %q", last)
				}
			})
		})
	}
}

func TestWrongAnswer(t *testing.T) {
	for _, test := range []struct {
		name    string
		after   string
		step    string
		message string
		text    string
		want    []string
	}{
		{name: "told", step: "one", message: "the note says no", text: "set one no"},
		{name: "told at last", step: "one", message: "the note says no", text: "set one maybe\nlater one no"},
		{name: "not begun is told too", step: "one", message: "no note yet", text: "set two yes"},
		{name: "told after a step", after: "one", step: "three", message: "the note says no", text: "set three no"},
		{
			name: "not opened", step: "three", message: "the note says no", text: "set three no",
			want: []string{`check note of step three never says "the note says no"; now: note was never judged`},
		},
		{
			name: "other words", step: "one", message: "you forgot to say yes", text: "set one no",
			want: []string{`check note of step one never says "you forgot to say yes"; now: note is False (Wrong): Want yes, the note says no.`},
		},
		{name: "accepted", step: "one", message: "the note says no", text: "set one yes", want: []string{"step one accepts this wrong answer"}},
		{name: "told, then accepted", step: "one", message: "the note says no", text: "set one no\nlater one yes", want: []string{"step one accepts this wrong answer"}},
		{
			name: "the step before is not solved", after: "two", step: "three", message: "the note says no", text: "set three no",
			want: []string{"the solution does not complete step two within 2m0s: note is False (Wrong): Want yes, the note says never."},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := labOf()
				lab.Solution = []content.Part{{Step: "one", Text: "set one yes\n"}, {Step: "two", Text: "set two never\n"}, {Step: "three", Text: "set three yes\n"}}
				lab.Wrong = []content.WrongAnswer{{Name: "answer", After: test.after, Step: test.step, Check: "note", Message: test.message, Text: test.text + "\n"}}
				n, problems := prove(t, lab, "wrong/answer")
				wantProblems(t, problems, test.want...)
				if one := n.get("one"); test.after == "one" && one != "yes" {
					t.Errorf("the solution before the wrong answer was not typed: one is %q", one)
				}
			})
		})
	}
}

func TestRightAnswer(t *testing.T) {
	for _, test := range []struct {
		name, after, step, text string
		want                    []string
	}{
		{name: "accepted", step: "one", text: "set one yes"},
		{name: "accepted at last", step: "one", text: "set one no\nlater one yes"},
		{name: "accepted after a step", after: "one", step: "three", text: "set three yes"},
		{
			name: "refused", step: "one", text: "set one no",
			want: []string{"this right answer does not complete step one within 2m0s: note is False (Wrong): Want yes, the note says no."},
		},
		{
			name: "not opened", step: "three", text: "set three yes",
			want: []string{"this right answer does not complete step three within 2m0s: note was never judged"},
		},
		{
			name: "the step before is not solved", after: "two", step: "three", text: "set three yes",
			want: []string{"the solution does not complete step two within 2m0s: note is False (Wrong): Want yes, the note says never."},
		},
		{name: "the shell ends", step: "one", text: "exit", want: []string{`step one: the shell ended at "exit"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := labOf()
				lab.Solution = []content.Part{{Step: "one", Text: "set one yes\n"}, {Step: "two", Text: "set two never\n"}, {Step: "three", Text: "set three yes\n"}}
				lab.Right = []content.RightAnswer{{Name: "answer", After: test.after, Step: test.step, Text: test.text + "\n"}}
				n, problems := prove(t, lab, "right/answer")
				wantProblems(t, problems, test.want...)
				if one := n.get("one"); test.after == "one" && one != "yes" {
					t.Errorf("the solution before the right answer was not typed: one is %q", one)
				}
			})
		})
	}
}

// always is a check that is True on a fresh cluster too.
func always(name string, guard bool) content.Check {
	return content.Check{
		Name: name, Guard: guard,
		Objects:     map[string]content.Object{"notes": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "notes"}},
		Validations: []content.Validation{{Expression: "notes.metadata.name == 'notes'", Message: "Another name."}},
	}
}

func TestChecksFlipBecauseOfTheTask(t *testing.T) {
	for _, proof := range []struct{ name, want string }{
		{"solution", "check always of step two is True before its part of the solution was typed"},
		{"without/two", "check always of step two is True although its part of the solution was never typed"},
	} {
		for _, guard := range []bool{false, true} {
			t.Run(proof.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					lab := labOf()
					lab.Steps[1].Checks = append(lab.Steps[1].Checks, always("always", guard))
					lab.Solution = []content.Part{{Step: "one", Text: "set one yes\n"}, {Step: "two", Text: "set two yes\n"}, {Step: "three", Text: "set three yes\n"}}
					_, problems := prove(t, lab, proof.name)
					if guard {
						wantProblems(t, problems)
					} else {
						wantProblems(t, problems, proof.want)
					}
				})
			})
		}
	}
}

func TestWithout(t *testing.T) {
	for _, test := range []struct {
		name            string
		left            string
		one, two, three string
		three3          string // what the note three says in the end
		want            []string
	}{
		{name: "the step stays open", left: "two", one: "set one yes", two: "set two yes", three: "set three yes", three3: "yes"},
		{name: "later steps are never opened", left: "one", one: "set one yes", two: "set two yes", three: "set three yes", three3: "yes"},
		{name: "a later step is not complete", left: "one", one: "set one yes", two: "set two no", three: "set three yes", three3: "yes"},
		{name: "a later line hangs", left: "one", one: "set one yes", two: "wait 1h", three: "set three yes", three3: "yes"},
		{name: "the shell ends at a later line", left: "one", one: "set one yes", two: "exit", three: "set three yes", three3: "yes"},
		{
			name: "a later step does its work", left: "two", one: "set one yes", two: "set two yes", three: "set two yes", three3: "",
			want: []string{"step two is complete although its part of the solution was never typed"},
		},
		{
			name: "the work is done at last", left: "two", one: "set one yes", two: "set two yes", three: "set three yes\nlater two yes", three3: "yes",
			want: []string{"step two is complete although its part of the solution was never typed"},
		},
		{
			name: "an earlier step is not complete", left: "three", one: "set one yes", two: "set two no", three: "set three yes", three3: "",
			want: []string{"the solution does not complete step two within 2m0s"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := labOf()
				lab.Solution = []content.Part{{Step: "one", Text: test.one + "\n"}, {Step: "two", Text: test.two + "\n"}, {Step: "three", Text: test.three + "\n"}}
				started := time.Now()
				n, problems := prove(t, lab, "without/"+test.left)
				wantProblems(t, problems, test.want...)
				if got := n.get("three"); got != test.three3 {
					t.Errorf("the note three says %q in the end, want %q", got, test.three3)
				}
				if took := time.Since(started); took > 3*time.Minute {
					t.Errorf("the proof took %s, want less than three minutes", took)
				}
			})
		})
	}
}

func TestMerge(t *testing.T) {
	run := func(seconds int, problems ...string) *verify.Outcome {
		return &verify.Outcome{Problems: problems, Duration: time.Duration(seconds) * time.Second}
	}
	for _, test := range []struct {
		name  string
		runs  []*verify.Outcome
		flaky bool
		want  []string
	}{
		{name: "proven twice", runs: []*verify.Outcome{run(1), run(3)}},
		{name: "one run", runs: []*verify.Outcome{run(2, "a")}, want: []string{"a"}},
		{name: "failed twice", runs: []*verify.Outcome{run(1, "a", "b"), run(3, "b", "a")}, want: []string{"a", "b"}},
		{name: "failed twice, with other names", runs: []*verify.Outcome{
			run(1, "Pod web-6d4cf56db6-4xk2p at 10.0.0.7 ended at 14:03:07"), run(3, "Pod web-5c689d88bb-zx9vq at 10.0.0.12 ended at 14:05:00")},
			want: []string{"Pod web-6d4cf56db6-4xk2p at 10.0.0.7 ended at 14:03:07", "Pod web-5c689d88bb-zx9vq at 10.0.0.12 ended at 14:05:00"}},
		{name: "failed once", runs: []*verify.Outcome{run(1), run(3, "a")}, flaky: true, want: []string{"flaky: 1 of 2 runs failed", "a"}},
		{name: "failed in two ways", runs: []*verify.Outcome{run(1, "a"), run(3, "b")}, flaky: true, want: []string{"flaky: 2 of 2 runs failed", "a", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := verify.Merge(test.runs)
			wantProblems(t, got.Problems, test.want...)
			if got.Flaky != test.flaky || got.Duration != 2*time.Second {
				t.Errorf("flaky is %t, the time %s; want %t, 2s", got.Flaky, got.Duration, test.flaky)
			}
		})
	}
}
