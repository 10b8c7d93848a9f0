// Package lint finds what is wrong in a lab although it loads and compiles:
// checks that pass before anything was done, fields that no such kind has,
// expressions that never change or know one spelling of an image, commands that no shell can read, and
// instructions that do not name what a check wants. It needs no cluster, reports
// only what is certain from the text, and is called by "wheelhouse lab lint".
package lint

import (
	"fmt"

	"wheelhouse/content"
)

// Lab returns the mistakes of a lab, in no order. The lab may be one that
// content.Load has complained about: what is missing is not looked at, and what
// grader.Compile reports is not reported again.
func Lab(lab *content.Lab) []*content.Problem {
	l := &linter{lab: lab, setup: readSetup(lab), seen: map[content.Problem]bool{}}
	for i := range lab.Steps {
		for j := range lab.Steps[i].Checks {
			l.checks = append(l.checks, l.read(&lab.Steps[i], &lab.Steps[i].Checks[j]))
		}
	}
	for _, check := range l.checks {
		l.constants(check)
		l.contradictions(check)
		l.images(check)
	}
	l.empty()
	l.intercepted()
	l.ready()
	l.mentions()
	l.commands()
	return l.problems
}

type linter struct {
	lab      *content.Lab
	checks   []*check
	setup    *setup
	problems []*content.Problem
	seen     map[content.Problem]bool
}

// addf notes a problem once: an expression is often repeated in its message.
func (l *linter) addf(file string, line int, format string, args ...any) {
	problem := content.Problem{File: file, Line: line, Message: fmt.Sprintf(format, args...)}
	if !l.seen[problem] {
		l.seen[problem] = true
		l.problems = append(l.problems, &problem)
	}
}

func (l *linter) labFile() string { return l.lab.Dir + "/lab.yaml" }
