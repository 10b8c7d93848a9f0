package labs_test

import (
	"testing"
	"testing/synctest"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
)

func TestRegrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		view := w.open(ada, "questions")
		if _, err := w.Answer(t.Context(), ada, view.Session.ID, "tell", "many", "forty-two"); err != nil {
			t.Fatal(err)
		}
		saw := func(result grader.Result, record string) grader.Result { return result.WithRecord([]byte(record)) }
		w.find(view, saw(wrong("tell", "flash", "No."), `{"objects":[{"apiVersion":"v1","kind":"ConfigMap","namespace":"default","name":"flash","found":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flash","namespace":"default"},"data":{"light":"on"}}]}]}`),
			wrong("tell", "dark", "No."))

		lab := *w.options.Course.Modules[0].Labs[3]
		objects := map[string]content.Object{"flash": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "flash"}}
		step := lab.Steps[0]
		step.Checks = []content.Check{
			{Name: "many", Answer: &content.Answer{Accept: []string{"42", "forty-two"}, Message: "Count again."}},
			{Name: "flash", Objects: objects, Validations: []content.Validation{{Expression: "flash.data.light == 'on'", Message: "It is dark."}}},
			{Name: "dark", Objects: objects, Validations: []content.Validation{{Expression: "false", Message: "Never."}}},
		}
		lab.Steps = []content.Step{step}
		got, err := labs.Regrade(t.Context(), w.db.Stores().Results, &lab)
		if err != nil || len(got) != 3 {
			t.Fatalf("got %+v, %v", got, err)
		}
		for i, want := range []labs.Regraded{
			{Check: "dark", Was: grader.False, Why: "what it saw was not kept"},
			{Check: "flash", Was: grader.False, Now: grader.True},
			{Check: "many", Was: grader.False, Now: grader.True},
		} {
			want.SessionID, want.Student, want.Step = view.Session.ID, "Ada", "tell"
			if got[i] != want {
				t.Errorf("got  %+v\nwant %+v", got[i], want)
			}
		}
	})
}
