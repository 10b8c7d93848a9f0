package content_test

import (
	"testing"

	"wheelhouse/content"
)

func TestStepComplete(t *testing.T) {
	two := content.Step{Name: "two", Checks: []content.Check{{Name: "a"}, {Name: "b"}}}
	for _, test := range []struct {
		name   string
		step   content.Step
		passed map[string]bool
		want   bool
	}{
		{"nothing passed", two, nil, false},
		{"one of two", two, map[string]bool{"a": true}, false},
		{"the other of two", two, map[string]bool{"b": true}, false},
		{"a check of another step", two, map[string]bool{"a": true, "c": true}, false},
		{"all", two, map[string]bool{"a": true, "b": true}, true},
		{"no checks are no pass", content.Step{Name: "none"}, map[string]bool{"a": true}, false},
	} {
		if got := test.step.Complete(func(check string) bool { return test.passed[check] }); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
