package grader

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// recordSize bounds one record: a check that looks at more cannot be judged again.
const recordSize = 256 << 10

// sightings is what a check's expressions saw, as it is while a Result is young:
// its objects are shared with the stores.
type sightings struct {
	read   map[query]found
	probe  string         // what was done, where it gave values
	values map[string]any // of the probe
	kept   []byte         // all of it, as it was kept
}

// recordJSON is how sightings are kept.
type recordJSON struct {
	Objects []recordedJSON `json:"objects,omitempty"`
	Probe   string         `json:"probe,omitempty"`
	Values  map[string]any `json:"values,omitempty"`
}

// recordedJSON is one query with what it found, without managed fields and
// secrets' values.
type recordedJSON struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Namespace  string           `json:"namespace,omitempty"`
	Name       string           `json:"name,omitempty"`
	Selector   string           `json:"selector,omitempty"`
	Found      []map[string]any `json:"found,omitempty"`
}

// Record is what the check's expressions saw, for Program.Regrade. It is nil where
// that cannot be kept: nothing was seen, or more than 256 KiB.
func (r Result) Record() []byte {
	switch {
	case r.saw == nil:
		return nil
	case r.saw.kept != nil:
		return r.saw.kept
	}
	record := recordJSON{Probe: r.saw.probe, Values: r.saw.values}
	for _, q := range slices.SortedFunc(maps.Keys(r.saw.read), func(a, b query) int { return strings.Compare(a.what(), b.what()) }) {
		one := recordedJSON{APIVersion: q.apiVersion, Kind: q.kind, Namespace: q.namespace, Name: q.name, Selector: q.selector}
		for _, o := range r.saw.read[q].objects {
			one.Found = append(one.Found, shown(o.content))
		}
		record.Objects = append(record.Objects, one)
	}
	text, err := json.Marshal(record)
	if err != nil || len(text) > recordSize {
		return nil
	}
	return text
}

// WithRecord returns the result with a record that was kept, or with none.
func (r Result) WithRecord(record []byte) Result {
	if record == nil {
		r.saw = nil
		return r
	}
	r.saw = &sightings{kept: record}
	return r
}

// Regrade judges a check once more on what it saw at an earlier time, which may
// have been by another version of it. The error says in words that go on from
// "cannot be judged again:" why that is not possible. Messages are new; evidence is
// left out.
func (p *Program) Regrade(step, name string, record []byte) (Result, error) {
	at := slices.IndexFunc(p.checks, func(c *check) bool { return c.step == step && c.name == name })
	if at < 0 {
		return Result{}, errors.New("the lab has no such check any more")
	}
	c := p.checks[at]
	switch _, script := c.probe.(*scriptProbe); {
	case c.during != nil:
		return Result{}, errors.New("how a change went is not kept")
	case script:
		return Result{}, errors.New("a script judges on the workstation")
	case len(record) == 0:
		return Result{}, errors.New("what it saw was not kept")
	}
	var kept recordJSON
	if err := json.Unmarshal(record, &kept); err != nil {
		return Result{}, fmt.Errorf("what it saw cannot be read: %w", err)
	}
	return c.regrade(&kept)
}

func (c *check) regrade(kept *recordJSON) (Result, error) {
	objects := map[query]found{}
	for _, q := range c.reads() {
		now, err := kept.find(q)
		if err != nil {
			return Result{}, err
		}
		objects[q] = now
	}
	seen, _, result := c.see(func(q query) found { return objects[q] })
	if result.Status == "" {
		if c.probe != nil {
			if kept.Probe != c.probeKey || kept.Values == nil {
				return Result{}, errors.New("what it does is another thing now, or was not done then")
			}
			maps.Copy(seen.values, normal(kept.Values).(map[string]any))
		}
		result = c.validate(&view{}, seen)
	}
	result.Step, result.Check = c.step, c.name
	result.Message = clip(oneLine(result.Message), messageSize)
	return result, nil
}

// find returns what a query would have found among what others found.
func (r *recordJSON) find(q query) (found, error) {
	if q.kind == "Secret" {
		return found{}, errors.New("what a Secret holds is not kept")
	}
	for _, from := range r.Objects {
		if !from.covers(q) {
			continue
		}
		now := found{phase: known}
		selector, err := labels.Parse(q.selector)
		if err != nil {
			return found{}, err
		}
		for _, content := range from.Found {
			o := &unstructured.Unstructured{Object: normal(content).(map[string]any)}
			if (q.name == "" || q.name == o.GetName()) && (q.namespace == "" || q.namespace == o.GetNamespace()) && selector.Matches(labels.Set(o.GetLabels())) {
				now.objects = append(now.objects, &object{kind: q.kind, key: objectKey{o.GetNamespace(), o.GetName()}, content: o})
			}
		}
		return now, nil
	}
	return found{}, fmt.Errorf("it did not look at the %s then", q.what())
}

// covers tells whether all that q finds was looked at.
func (r *recordedJSON) covers(q query) bool {
	return r.APIVersion == q.apiVersion && r.Kind == q.kind && (r.Namespace == "" || r.Namespace == q.namespace) &&
		(r.Name == "" || r.Name == q.name) && (r.Selector == "" || r.Selector == q.selector)
}

// normal turns the numbers that encoding/json gives into those of API objects.
func normal(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = normal(v[key])
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return value
}

// probeKey tells one thing that a probe does from others; when and for how long it
// does it does not matter, and has no JSON.
func probeKey(p probe) string {
	text, err := json.Marshal(p)
	if p == nil || err != nil {
		return ""
	}
	return fmt.Sprintf("%T %s", p, text)
}
