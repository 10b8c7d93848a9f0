package labs

import (
	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/provisioner"
)

// NewReach is how a service looks at its clusters by default.
var NewReach = newReach

// NewJudge is how a service judges its clusters by default.
func NewJudge(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error) {
	program, err := grader.Compile(lab)
	if err != nil {
		return nil, err
	}
	return graderJudge(map[string]*grader.Program{lab.Name: program}, nil)(lab, access, onResults)
}
