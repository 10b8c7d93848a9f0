package grader

import (
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"wheelhouse/content"
)

// JudgeRepeatedly returns a function that judges the lab's only check, each time
// on a new state of the object of manifest, without a cluster.
func JudgeRepeatedly(tb testing.TB, lab *content.Lab, manifest string) func() Result {
	program, err := Compile(lab)
	if err != nil {
		tb.Fatal(err)
	}
	var content map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &content); err != nil {
		tb.Fatal(err)
	}
	c := program.checks[0]
	s := newStore(c.needs()[0], func() {})
	var states [2]*unstructured.Unstructured
	for i := range states {
		states[i] = (&unstructured.Unstructured{Object: content}).DeepCopy()
		states[i].SetResourceVersion(strconv.Itoa(i + 1))
	}
	if err := s.Replace(nil, ""); err != nil {
		tb.Fatal(err)
	}
	turn := 0
	return func() Result {
		turn++
		if err := s.Update(states[turn%len(states)]); err != nil {
			tb.Fatal(err)
		}
		return c.judge(&view{stores: map[query]*store{c.needs()[0]: s}})
	}
}

// JudgePanic returns what comes of a check whose judging panics.
func JudgePanic() Result {
	c := &check{step: "step", name: "check", title: "Nothing", validations: []validation{{place: "lab.yaml:1"}}}
	return c.judge(&view{})
}
