package compare_test

import (
	"bytes"
	"maps"
	"testing"

	"wheelhouse/grader/gradertest"
)

// TestSameVerdicts shows that the grader, kyverno-json and jq are asked for the
// same: each finds all checks true on the objects as they are, and only the right
// one untrue on objects in which something is wrong.
func TestSameVerdicts(t *testing.T) {
	byGrader, byKyverno := graderJudge(t), kyvernoJudge(t)
	byJQ := func(objects map[string]any) verdicts {
		found := verdicts{}
		for _, s := range scripts {
			holds, err := jq(bytes.NewReader(encode(t, objects)), s.judge)
			if err != nil {
				t.Fatal(err)
			}
			found[s.name] = holds
		}
		return found
	}
	tests := []struct {
		untrue string
		spoil  func(objects map[string]any)
	}{
		{"", func(map[string]any) {}},
		{"deployment", func(o map[string]any) { at(o, "deploy", "status")["readyReplicas"] = 2 }},
		{"deployment", func(o map[string]any) { delete(at(o, "deploy", "status"), "readyReplicas") }},
		{"service", func(o map[string]any) { at(o, "service", "spec", "selector")["app"] = "wbe" }},
		{"settings", func(o map[string]any) { at(o, "settings", "data")["greeting"] = "bye" }},
		{"pods", func(o map[string]any) { o["pods"] = o["pods"].([]any)[:2] }},
		{"probes", func(o map[string]any) { delete(container(o), "livenessProbe") }},
		{"probes", func(o map[string]any) { container(o)["readinessProbe"].(map[string]any)["periodSeconds"] = 11 }},
	}
	for _, test := range tests {
		t.Run("untrue "+test.untrue, func(t *testing.T) {
			objects := decode(t, gradertest.Objects())
			test.spoil(objects)
			objects = decode(t, encode(t, objects))
			want := verdicts{}
			for _, s := range scripts {
				want[s.name] = s.name != test.untrue
			}
			if got := byGrader(recordOf(t, objects)); !maps.Equal(got, want) {
				t.Errorf("the grader: got %v, want %v", got, want)
			}
			if got := byKyverno(objects); !maps.Equal(got, want) {
				t.Errorf("kyverno-json: got %v, want %v", got, want)
			}
			needsJQ(t)
			if got := byJQ(objects); !maps.Equal(got, want) {
				t.Errorf("jq: got %v, want %v", got, want)
			}
		})
	}
}

// at goes down by the names of fields.
func at(object map[string]any, path ...string) map[string]any {
	for _, name := range path {
		object = object[name].(map[string]any)
	}
	return object
}

func container(objects map[string]any) map[string]any {
	return at(objects, "deploy", "spec", "template", "spec")["containers"].([]any)[0].(map[string]any)
}
