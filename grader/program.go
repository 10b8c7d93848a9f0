// Package grader judges: it holds a lab's checks against the state of one
// cluster and says for each what was found.
//
// Compile turns a lab's checks into a Program once. A Watcher runs a Program
// against one cluster, from the moment a session is ready until it ends, and
// hands every change of the results to whoever made it (package labs, and the
// verification of labs). The package knows no people, keeps nothing on disk and
// forgets everything when a Watcher ends.
package grader

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"

	"wheelhouse/content"
)

// Program is a lab's checks, ready to be evaluated. It is never changed, so any
// number of Watchers may share it.
type Program struct {
	checks []*check // in the lab's order
}

// Compile translates every expression of the lab. Checks that ask the student are
// left out: JudgeAnswer judges what they answer. The error joins a
// *content.Problem, with file and line, for each mistake.
func Compile(lab *content.Lab) (*Program, error) {
	program, mistakes := &Program{}, []error(nil)
	for i := range lab.Steps {
		step := &lab.Steps[i]
		for j := range step.Checks {
			if step.Checks[j].Answer != nil {
				continue // judged when it is given, by JudgeAnswer
			}
			compiled, problems := compileCheck(lab, step, &step.Checks[j])
			program.checks = append(program.checks, compiled)
			mistakes = append(mistakes, problems...)
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return program, nil
}

func compileCheck(lab *content.Lab, step *content.Step, spec *content.Check) (*check, []error) {
	c := newCheck(step.Name, spec)
	var problems []error
	problem := func(line int, format string, args ...any) {
		text := fmt.Sprintf("step %s, check %s: ", step.Name, spec.Name) + fmt.Sprintf(format, args...)
		problems = append(problems, &content.Problem{File: fileOf(lab), Line: line, Message: text})
	}

	env, err := environmentOf(c.declarations())
	if err != nil {
		problem(spec.Line, "its variables cannot be declared: %v; a word that CEL uses itself needs another name", err)
		return c, problems
	}
	translate := func(line int, field, text string, want *cel.Type) *expression {
		compiled, mistakes := compile(env, text, want)
		for _, mistake := range mistakes {
			problem(line, "%s %q %v", field, text, mistake)
		}
		return compiled
	}
	if spec.During != nil {
		c.during = &during{
			place: fmt.Sprintf("%s:%d", fileOf(lab), spec.Line),
			from:  translate(spec.Line, "from", spec.During.From, cel.BoolType),
			until: translate(spec.Line, "until", spec.During.Until, cel.BoolType),
		}
	}
	for _, v := range spec.Validations {
		line := v.Line
		if line == 0 {
			line = spec.Line
		}
		compiled := validation{
			place: fmt.Sprintf("%s:%d", fileOf(lab), line), pending: v.Pending, text: v.Message,
			expression: translate(line, "expression", v.Expression, cel.BoolType),
		}
		if v.MessageExpression != "" {
			compiled.message = translate(line, "messageExpression", v.MessageExpression, cel.StringType)
		}
		c.validations = append(c.validations, compiled)
	}
	if len(problems) == 0 {
		c.trust = c.trusts()
	}
	return c, problems
}

// Environment returns the CEL environment that the check's expressions are
// compiled in: Kubernetes' own, with the check's variables declared. Whoever looks
// for mistakes in expressions looks at them in the same light.
func Environment(spec *content.Check) (*cel.Env, error) {
	return environmentOf(newCheck("", spec).declarations())
}

// newCheck has all of a check but its validations.
func newCheck(step string, spec *content.Check) *check {
	c := &check{step: step, name: spec.Name, title: spec.Title, once: spec.Once, diagnose: spec.Diagnose, probe: probeOf(spec)}
	c.probeKey = probeKey(c.probe)
	for _, name := range slices.Sorted(maps.Keys(spec.Objects)) {
		c.variables = append(c.variables, variable{
			name: name, list: spec.Objects[name].Name == "", optional: spec.Objects[name].Optional,
			query: queryOf(spec.Objects[name]),
		})
		if owner := spec.Objects[name].OwnedBy; owner != "" {
			c.variables[len(c.variables)-1].link = linkTo(owner, queryOf(spec.Objects[owner]), queryOf(spec.Objects[name]))
		}
	}
	return c
}

func fileOf(lab *content.Lab) string { return lab.Dir + "/lab.yaml" }

// declarations declares what the check's expressions can see. Objects have no
// declared types, because a lab may name kinds that are not known before the
// cluster runs.
func (c *check) declarations() []cel.EnvOption {
	var declared []cel.EnvOption
	if c.probe != nil {
		declared = c.probe.declarations()
	}
	for _, v := range c.variables {
		if v.list {
			declared = append(declared, cel.Variable(v.name, cel.ListType(cel.DynType)))
		} else {
			declared = append(declared, cel.Variable(v.name, cel.DynType))
		}
	}
	return declared
}
