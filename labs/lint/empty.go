package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"wheelhouse/content"
)

// empty reports checks that pass although nothing that they look at is there:
// "all" over an empty list, or a negation. A step that comes after one that
// cannot pass so is judged only when that is complete, and may ask whether
// something is gone.
func (l *linter) empty() {
	for _, c := range l.checks {
		if c.spec.Guard || !l.vacuous(c) || l.protected(c.step, map[string]bool{}) {
			continue
		}
		l.complain(c, c.spec.Line, "passes on an empty cluster: nothing that it looks at has to be there; "+
			"add a validation that something is there, or let the step come after one that makes it")
	}
}

// vacuous tells whether the check certainly passes when there is nothing.
func (l *linter) vacuous(c *check) bool {
	if len(c.spec.Objects) == 0 || c.spec.During != nil { // a change has to be seen
		return false
	}
	values := map[string]any{}
	for name, object := range c.spec.Objects {
		found, sure := l.setup.find(object)
		if !sure || len(found) > 0 || object.Name != "" && !object.Optional {
			return false
		}
		values[name] = []any{}
		if object.Name != "" {
			values[name] = nil
		}
	}
	return c.passes(values)
}

// protected tells whether a step comes after one that needs something done.
func (l *linter) protected(step *content.Step, seen map[string]bool) bool {
	for _, name := range step.After {
		if seen[name] {
			continue
		}
		seen[name] = true
		before, ok := l.lab.Step(name)
		if !ok {
			continue
		}
		solid := func(c *check) bool { return c.step == before && !l.vacuous(c) }
		if slices.ContainsFunc(l.checks, solid) || l.protected(before, seen) {
			return true
		}
	}
	return false
}

// ready reports steps that are complete from the beginning, because their checks
// are all about objects of the lab's setup, as it makes them.
func (l *linter) ready() {
	for i := range l.lab.Steps {
		step := &l.lab.Steps[i]
		done := len(step.Checks) > 0 && !l.protected(step, map[string]bool{})
		for _, c := range l.checks {
			done = done && (c.step != step || l.given(c))
		}
		if done {
			l.addf(l.labFile(), step.Checks[0].Line,
				"step %s: the objects of setup pass its checks as they are, so the step is complete before the student has done anything", step.Name)
		}
	}
}

// given tells whether the check certainly passes on what setup makes. What it says
// of a status is not certain, because the cluster writes that.
func (l *linter) given(c *check) bool {
	if len(c.spec.Objects) == 0 || c.spec.During != nil || c.looksAtStatus() {
		return false
	}
	values, any := map[string]any{}, false
	for name, object := range c.spec.Objects {
		found, sure := l.setup.find(object)
		if !sure {
			return false
		}
		any = any || len(found) > 0
		switch {
		case object.Name == "":
			values[name] = found
		case len(found) > 0:
			values[name] = found[0]
		case object.Optional:
			values[name] = nil
		default:
			return false
		}
	}
	return any && c.passes(values)
}

func (c *check) looksAtStatus() bool {
	for _, v := range c.validations {
		for s := range maps.Values(v.shapes) {
			if first, _, _ := strings.Cut(s.path, "."); first == "status" {
				return true
			}
		}
	}
	return false
}

// passes tells whether all of the check's validations are true of the values.
func (c *check) passes(values map[string]any) bool {
	if !c.whole || len(c.validations) == 0 {
		return false
	}
	for _, v := range c.validations {
		program, err := c.env.Program(v.ast, cel.CostLimit(100_000))
		if err != nil {
			return false
		}
		if value, _, err := program.Eval(values); err != nil || value != types.True {
			return false
		}
	}
	return true
}
