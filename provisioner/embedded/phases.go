package embedded

import (
	"time"

	"wheelhouse/provisioner"
)

// The phases of a creation.
const (
	phaseSeed         = "Seed" // the first time only
	phaseMachine      = "Machine"
	phaseControlPlane = "ControlPlane"
	phaseReady        = "Ready"
)

// newTracker lists the phases with what they take on two cores; the pool
// replaces the estimates by what it has seen itself. first: there is no seed yet.
func newTracker(report func(provisioner.Progress), first bool) *provisioner.Tracker {
	var phases []provisioner.Phase
	if first {
		phases = append(phases, provisioner.Phase{Name: phaseSeed, Title: "Preparing Kubernetes (first time only)", Estimate: 8 * time.Second})
	}
	return provisioner.NewTracker(report, append(phases,
		provisioner.Phase{Name: phaseMachine, Title: "Starting the machines", Estimate: 500 * time.Millisecond},
		provisioner.Phase{Name: phaseControlPlane, Title: "Starting the control plane", Estimate: 3 * time.Second},
		provisioner.Phase{Name: phaseReady, Title: "Waiting for nodes and DNS", Estimate: 2 * time.Second},
	)...)
}
