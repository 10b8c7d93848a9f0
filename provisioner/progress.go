package provisioner

import (
	"slices"
	"time"
)

// Phase is one named part of a longer piece of work.
type Phase struct {
	Name      string        // stable, CamelCase: "ControlPlane"
	Title     string        // for people: "Starting the control plane"
	Estimate  time.Duration // how long it usually takes; 0 when nothing is known
	StartedAt time.Time     // zero until it starts
	EndedAt   time.Time     // zero until it ends
}

// Progress is a snapshot of work under way. Phases that have not started yet
// are listed too, so that a page can show what is still to come.
type Progress struct {
	Place   int    // in the line for a cluster: 1 is next, 0 is not waiting
	Message string // a sentence on why it takes longer than it should; empty while all is well
	Trouble Reason // what kind of trouble Message tells of, for whoever has the machine; "" where it is none
	Phases  []Phase
}

// Clone returns a copy that shares no memory with p.
func (p Progress) Clone() Progress {
	p.Phases = slices.Clone(p.Phases)
	return p
}

// Remaining estimates how long the rest takes at the time now. A phase that
// runs over its estimate counts as zero, so the sum never grows while nothing
// new is learned.
func (p Progress) Remaining(now time.Time) time.Duration {
	var sum time.Duration
	for _, phase := range p.Phases {
		switch {
		case !phase.EndedAt.IsZero():
		case phase.StartedAt.IsZero():
			sum += phase.Estimate
		default:
			sum += max(0, phase.Estimate-now.Sub(phase.StartedAt))
		}
	}
	return sum
}
