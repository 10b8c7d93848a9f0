package labs_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/provisioner"
)

// TestEveryStudentHasTheirOwnValues: the set-up and the judge get the lab as its
// student sees it, after a restart too.
func TestEveryStudentHasTheirOwnValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		course := withVariables(t)
		lab, _ := course.Lab("hello")
		var mu sync.Mutex
		got := map[string][]string{}
		note := func(who string, lab *content.Lab) {
			mu.Lock()
			defer mu.Unlock()
			got[who] = append(got[who], lab.Steps[0].Checks[0].Validations[0].Expression)
		}
		w := newWorld(t, func(w *world) {
			w.options.Course = course
			w.options.Prepare = func(_ context.Context, lab *content.Lab, _ *provisioner.Access) error { note("setup", lab); return nil }
			w.options.Judge = func(lab *content.Lab, access *provisioner.Access, on func([]grader.Result)) (labs.Judge, error) {
				note("judge", lab)
				return w.judge(lab, access, on)
			}
		})
		ada := w.student()
		view := w.open(ada, "hello")
		want := lab.For(ada.ID).Steps[0].Checks[0].Validations[0].Expression
		w.restart()
		if view = w.view(ada, view.Session.ID); view.Session.Phase != labs.Ready {
			t.Fatalf("the session is %+v", view.Session)
		}
		for who, times := range map[string]int{"setup": 1, "judge": 2} {
			if all := strings.Join(got[who], "; "); all != strings.TrimSuffix(strings.Repeat(want+"; ", times), "; ") || !strings.Contains(want, "word == '") {
				t.Errorf("%s got %q, want %d times %q", who, all, times, want)
			}
		}
	})
}

// withVariables loads a course whose lab hello has variables.
func withVariables(t *testing.T) *content.Course {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"course.yaml":     "apiVersion: wheelhouse.dev/v1\nkind: Course\nmetadata: {name: course}\nspec: {title: T, summary: S, modules: [one]}\n",
		"one/module.yaml": "apiVersion: wheelhouse.dev/v1\nkind: Module\nmetadata: {name: one}\nspec: {title: T, summary: S, labs: [hello]}\n",
		"one/hello/lab.yaml": "apiVersion: wheelhouse.dev/v1\nkind: Lab\nmetadata: {name: hello}\nspec:\n  title: Hello\n  summary: S\n  minutes: 5\n" +
			"  variables:\n    word: {oneOf: [red, green, blue, black, white, brown]}\n  steps:\n  - name: create\n    title: Create\n    checks:\n    - name: exists\n      title: It is there\n" +
			"      objects: {hello: {apiVersion: v1, kind: ConfigMap, namespace: default, name: hello}}\n      validations:\n      - {expression: hello.data.word == variables.word, message: No.}\n",
		"one/hello/README.md":  "Hello.\n\n## Create\n\nMake it say {{variables.word}}.\n",
		"one/hello/solve.sh":   "# step: create\nkubectl create configmap hello --from-literal=word={{variables.word}}\n",
		"one/hello/wrong/a.sh": "# step: create\n# check: exists\n# message: No.\nkubectl create configmap hello\n",
		"one/hello/wrong/b.sh": "# step: create\n# check: exists\n# message: No.\nkubectl create configmap hello --from-literal=word=pink\n",
	} {
		file := filepath.Join(folder, "course", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	course, err := content.Load(os.DirFS(folder), "course")
	if err != nil {
		t.Fatal(err)
	}
	return course
}

// A lab with variables is another one for each student, and the same each time.
func TestOpenALabWithVariablesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.options.Course = withVariables(t) })
		ada := w.student()
		first := w.open(ada, "hello")
		second, created, err := w.Open(t.Context(), ada, "hello")
		if err != nil || created || second.Session.ID != first.Session.ID {
			t.Errorf("opened twice: got %+v, created %t, %v; want session %s", second, created, err, first.Session.ID)
		}
	})
}
