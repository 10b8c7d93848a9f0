package grader_test

import (
	"strings"
	"testing"

	"wheelhouse/content"
	"wheelhouse/grader"
)

func TestCompileReportsEveryMistake(t *testing.T) {
	const file = "kubernetes/01-test/lab/lab.yaml"
	list := map[string]content.Object{"pods": {APIVersion: "v1", Kind: "Pod"}}
	lab := &content.Lab{Dir: "kubernetes/01-test/lab", Steps: []content.Step{
		{Name: "first", Checks: []content.Check{{Name: "objects", Objects: web, Line: 20, Validations: []content.Validation{
			{Line: 22, Expression: "deploy.spec.replicas == 3", Message: "fine"},
			{Line: 24, Expression: "depl.spec.replicas ==", Message: "a name and a syntax"},
			{Line: 26, Expression: "svc.spec == dep.spec", Message: "two names"},
			{Line: 28, Expression: "'text'", Message: "a string"},
			{Line: 30, Expression: "true", MessageExpression: "1 + 1"},
			{Line: 32, Expression: "true &&\n  'nginx'.matches('[')", Message: "a regular expression"},
		}}}},
		{Name: "second", Checks: []content.Check{
			{Name: "list", Objects: list, Line: 40, Validations: []content.Validation{{Expression: "pods.spec.nodeName == 'a'", Message: "no line of its own"}}},
			{Name: "exec", Exec: &content.Exec{Command: []string{"true"}}, Line: 50, Validations: []content.Validation{
				{Line: 52, Expression: "exitCode == '0'", Message: "a number"},
				{Line: 53, Expression: "stdout.contains('x') && exitCode == 0", Message: "fine"},
			}},
		}},
	}}
	program, err := grader.Compile(lab)
	if err == nil || program != nil {
		t.Fatal("Compile accepted it")
	}
	want := []string{
		file + ":24: step first, check objects: expression ",
		file + `:26: step first, check objects: expression "svc.spec == dep.spec" at column 1: undeclared reference to 'svc'`,
		file + `:26: step first, check objects: expression "svc.spec == dep.spec" at column 13: undeclared reference to 'dep'`,
		file + `:28: step first, check objects: expression "'text'" gives a value of the type string and has to give bool`,
		file + `:30: step first, check objects: messageExpression "1 + 1" gives a value of the type int and has to give string`,
		file + `:32: step first, check objects: expression "true &&\n  'nginx'.matches('[')" at its line 2, column`,
		file + ":40: step second, check list: expression ",
		file + ":52: step second, check exec: expression ",
	}
	problems := content.Problems(err)
	if len(problems) != len(want) {
		t.Errorf("got %d problems, want %d:\n%v", len(problems), len(want), err)
	}
	for i, problem := range problems[:min(len(problems), len(want))] {
		if got := problem.Error(); !strings.HasPrefix(got, want[i]) {
			t.Errorf("problem %d\ngot  %s\nwant %s…", i, got, want[i])
		}
	}
}

func TestCompileRefusesNamesThatCELUses(t *testing.T) {
	_, err := grader.Compile(lab(map[string]content.Object{"map": {APIVersion: "v1", Kind: "ConfigMap"}}, is("true", "x")))
	if err == nil || !strings.Contains(err.Error(), "lab.yaml:10: ") || !strings.Contains(err.Error(), "'map'; a word that CEL uses itself needs another name") {
		t.Errorf("got the error %v", err)
	}
}
