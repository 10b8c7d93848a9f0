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
	"wheelhouse/content"
)

// Program is a lab's checks, ready to be evaluated. It is never changed, so any
// number of Watchers may share it.
type Program struct {
	lab *content.Lab
}

// Compile translates every expression of the lab. The error joins all mistakes
// that it has found, each with its file and line.
func Compile(lab *content.Lab) (*Program, error) {
	return &Program{lab: lab}, nil
}
