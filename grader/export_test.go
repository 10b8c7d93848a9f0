package grader

import (
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
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

// JudgeAllRepeatedly returns a function that judges every check of the lab without
// a cluster, each time on a new state of all the objects where they change: then
// the evidence is written anew as well.
func JudgeAllRepeatedly(tb testing.TB, lab *content.Lab, objects []*unstructured.Unstructured, change bool) func() []Result {
	tb.Helper()
	program, err := Compile(lab)
	if err != nil {
		tb.Fatal(err)
	}
	stores, states := map[query]*store{}, map[query][2][]any{}
	for _, c := range program.checks {
		for _, q := range c.needs() {
			if stores[q] != nil {
				continue
			}
			stores[q] = newStore(q, func() {})
			var both [2][]any
			for i := range both {
				for _, o := range objects {
					o = o.DeepCopy()
					o.SetResourceVersion(strconv.Itoa(i + 1))
					both[i] = append(both[i], matching(tb, q, []*unstructured.Unstructured{o})...)
				}
			}
			states[q] = both
		}
	}
	turn := 0
	return func() []Result {
		if change || turn == 0 {
			turn++
		}
		for q, both := range states {
			if err := stores[q].Replace(both[turn%len(both)], ""); err != nil {
				tb.Fatal(err)
			}
		}
		results := make([]Result, 0, len(program.checks))
		for _, c := range program.checks {
			results = append(results, c.judge(&view{stores: stores}))
		}
		return results
	}
}

// JudgePanic returns what comes of a check whose judging panics.
func JudgePanic() Result {
	c := &check{step: "step", name: "check", title: "Nothing", validations: []validation{{place: "lab.yaml:1"}}}
	return c.judge(&view{})
}

// JudgeObjects judges the lab's only check on the objects of manifests, without
// a cluster. What is asked for beside the check's own objects is there too.
func JudgeObjects(tb testing.TB, lab *content.Lab, manifests ...string) Result {
	tb.Helper()
	program, err := Compile(lab)
	if err != nil {
		tb.Fatal(err)
	}
	var all []*unstructured.Unstructured
	for i, manifest := range manifests {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
			tb.Fatal(err)
		}
		o.SetResourceVersion(strconv.Itoa(i + 1))
		all = append(all, o)
	}
	c, stores := program.checks[0], map[query]*store{}
	needed := c.needs()
	for {
		for _, q := range needed {
			stores[q] = newStore(q, func() {})
			if err := stores[q].Replace(matching(tb, q, all), ""); err != nil {
				tb.Fatal(err)
			}
		}
		view := &view{stores: stores}
		result := c.judge(view)
		if !view.waiting {
			return result
		}
		needed = nil
		for _, r := range view.asked {
			if stores[r.query] == nil {
				needed = append(needed, r.query)
			}
		}
	}
}

func matching(tb testing.TB, q query, all []*unstructured.Unstructured) []any {
	selector, err := labels.Parse(q.selector)
	if err != nil {
		tb.Fatal(err)
	}
	var found []any
	for _, o := range all {
		if o.GetKind() == q.kind && (q.name == "" || q.name == o.GetName()) && (q.namespace == "" || q.namespace == o.GetNamespace()) &&
			selector.Matches(labels.Set(o.GetLabels())) {
			found = append(found, o.DeepCopy())
		}
	}
	return found
}

// Explained tells what the first validation alone evaluates to, on the object of
// a manifest under the name of the check's only variable: "true", "false", or
// "missing", "error" and "cost" where it has no value.
func Explained(tb testing.TB, lab *content.Lab, manifest string) string {
	program, err := Compile(lab)
	if err != nil {
		return "mistake"
	}
	var object map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
		tb.Fatal(err)
	}
	c, budget := program.checks[0], int64(checkCost)
	value, err := c.validations[0].expression.evaluate(tb.Context(), map[string]any{c.variables[0].name: object}, &budget)
	switch {
	case err != nil && isMissing(err):
		return "missing"
	case err != nil && reasonOf(err) == ReasonCost:
		return "cost"
	case err != nil:
		return "error"
	}
	switch value.Value() {
	case true:
		return "true"
	case false:
		return "false"
	}
	return "error"
}

// SizeOf is what is counted for an object that is kept.
func SizeOf(value any) int64 { return sizeOf(value) }
