package labs

import (
	"cmp"
	"slices"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// inLabOrder returns every step of the lab in its order, each with what is known
// of it. Steps that the lab no longer has are left out; a nil lab, one that the
// course no longer has, leaves known as it is.
func inLabOrder(lab *content.Lab, known []StepState) []StepState {
	if lab == nil {
		return known
	}
	steps := make([]StepState, len(lab.Steps))
	for i, step := range lab.Steps {
		steps[i].Step = step.Name
		at := slices.IndexFunc(known, func(s StepState) bool { return s.Step == step.Name })
		if at < 0 {
			continue
		}
		steps[i].CompletedAt = known[at].CompletedAt
		for _, check := range step.Checks {
			if result := find(known[at].Results, check.Name); result != nil {
				steps[i].Results = append(steps[i].Results, *result)
			}
		}
	}
	return steps
}

// openSteps returns the steps that are judged now.
func openSteps(lab *content.Lab, steps []StepState) []string {
	return lab.Open(func(name string) bool { return completed(steps, name) })
}

func completed(steps []StepState, name string) bool {
	return slices.ContainsFunc(steps, func(s StepState) bool { return s.Step == name && !s.CompletedAt.IsZero() })
}

// finished tells whether all steps are complete.
func finished(steps []StepState) bool {
	return !slices.ContainsFunc(steps, func(s StepState) bool { return s.CompletedAt.IsZero() })
}

// verdict is what a batch of results means for a session.
type verdict struct {
	steps     []StepState          // the steps after it
	changed   []grader.Result      // what has to be written, evidence included
	completed map[string]time.Time // the steps that it completed
	confirm   []string             // the open steps whose checks are all True, each at a time of its own
}

// judge decides what found means for steps, which it leaves as they are. Only
// open steps take results; one that they complete stays so. A result that says
// the same as the last one, only later or with other evidence, is no change: it
// is shown, but not written, or a busy cluster would keep the disk busy. What has
// to be true once only stays so. A step is complete when all of its checks are True
// and those that may become untrue again were confirmed together.
func judge(lab *content.Lab, steps []StepState, found []grader.Result, at time.Time) verdict {
	v := verdict{steps: slices.Clone(steps), completed: map[string]time.Time{}}
	for _, name := range openSteps(lab, steps) {
		i := slices.IndexFunc(lab.Steps, func(s content.Step) bool { return s.Name == name })
		step := &v.steps[i]
		var results, changed []grader.Result
		for _, check := range lab.Steps[i].Checks {
			old, new := find(step.Results, check.Name), findIn(found, name, check.Name)
			if check.Once && passed(old) {
				new = nil
			}
			if new == nil && old == nil {
				continue
			}
			result := *cmp.Or(new, old)
			result.At = stored(result.At)
			if old == nil || differ(*old, result) {
				changed = append(changed, result)
			}
			results = append(results, result)
		}
		step.Results = shownOf(results)
		switch allPassed := lab.Steps[i].Complete(func(check string) bool { return passed(find(results, check)) }); {
		case allPassed && grader.Confirmed(&lab.Steps[i], found):
			step.CompletedAt = at
			v.completed[name] = at
			changed = results // with the evidence of this moment
		case allPassed:
			v.confirm = append(v.confirm, name)
		}
		v.changed = append(v.changed, changed...)
	}
	return v
}

// shownOf returns results as a session holds them for as long as it lives: what
// their checks saw is for the store only.
func shownOf(results []grader.Result) []grader.Result {
	light := slices.Clone(results)
	for i := range light {
		light[i] = light[i].WithRecord(nil)
		light[i].Confirmed = false
	}
	return light
}

func passed(result *grader.Result) bool { return result != nil && result.Status == grader.True }

func differ(old, new grader.Result) bool {
	return old.Status != new.Status || old.Reason != new.Reason || old.Message != new.Message ||
		old.Wanted != new.Wanted || old.Found != new.Found || old.Object != new.Object || old.Hint != new.Hint
}

func find(results []grader.Result, check string) *grader.Result {
	for i := range results {
		if results[i].Check == check {
			return &results[i]
		}
	}
	return nil
}

func findIn(results []grader.Result, step, check string) *grader.Result {
	for i := range results {
		if results[i].Step == step && results[i].Check == check {
			return &results[i]
		}
	}
	return nil
}
