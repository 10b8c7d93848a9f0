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
// new is learned. It is not known while a phase is under way of which nothing is
// known, or where nothing is known of all that is left.
func (p Progress) Remaining(now time.Time) (left time.Duration, known bool) {
	blind := false
	for _, phase := range p.Phases {
		if !phase.EndedAt.IsZero() {
			continue
		}
		known = known || phase.Estimate > 0
		if phase.StartedAt.IsZero() {
			left += phase.Estimate
			continue
		}
		left += max(0, phase.Estimate-now.Sub(phase.StartedAt))
		blind = blind || phase.Estimate == 0
	}
	return left, known && !blind
}
