package labs

import (
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/provisioner"
)

// NewTender is how a service looks after its clusters by default.
func NewTender(lab *content.Lab, access *provisioner.Access, keeper AddonKeeper) (Tender, error) {
	return newTender(lab, access, addons{keeper, "wh-test"})
}

// NewJudge is how a service judges its clusters by default.
func NewJudge(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error) {
	program, err := grader.Compile(lab)
	if err != nil {
		return nil, err
	}
	return graderJudge(map[string]*grader.Program{lab.Name: program}, nil)(lab, access, onResults)
}

// Beat is how often a session is looked after.
const Beat = beat

// IdleTime counts how long a student did nothing.
type IdleTime struct{ idleTime }

// At is asked at each beat.
func (t *IdleTime) At(now, activity time.Time) time.Duration { return t.at(now, activity) }
