package kind

import (
	"strings"
	"time"

	"wheelhouse/provisioner"
)

// The phases of a creation. Those in brackets are listed only where they are needed.
const (
	phaseNodeImage    = "NodeImage"        // (the image has to be downloaded)
	phaseWorkstation  = "WorkstationImage" // (no workstation was started from this node image and agent yet)
	phaseNodes        = "Nodes"
	phaseControlPlane = "ControlPlane"
	phaseNetworking   = "Networking"
	phaseStorage      = "Storage"
	phaseWorkers      = "Workers" // (there are any)
	phaseImages       = "Images"  // (there are any)
	phaseReady        = "Ready"
)

// phaseTitles and phaseEstimates describe phases as they were measured on two
// cores; the pool replaces the estimates by what it has seen itself.
var phaseTitles = map[string]string{
	phaseNodeImage:    "Downloading the node image (first time only)",
	phaseWorkstation:  "Building the workstation image (first time only)",
	phaseNodes:        "Starting the machines",
	phaseControlPlane: "Starting the control plane",
	phaseNetworking:   "Installing the pod network",
	phaseStorage:      "Installing the storage class",
	phaseWorkers:      "Joining the worker nodes",
	phaseImages:       "Loading the labs' images",
	phaseReady:        "Waiting for nodes and DNS",
}

var phaseEstimates = map[string]time.Duration{
	phaseNodeImage:    2 * time.Minute,
	phaseWorkstation:  25 * time.Second,
	phaseNodes:        2 * time.Second,
	phaseControlPlane: 8 * time.Second,
	phaseNetworking:   time.Second,
	phaseStorage:      time.Second,
	phaseWorkers:      6 * time.Second,
	phaseImages:       2 * time.Second,
	phaseReady:        5 * time.Second,
}

// kindPhases tells the phase from the first words of kind's own status lines.
var kindPhases = []struct{ words, phase string }{
	{"Ensuring node image", phaseNodes},
	{"Preparing nodes", phaseNodes},
	{"Writing configuration", phaseNodes},
	{"Starting control-plane", phaseControlPlane},
	{"Installing CNI", phaseNetworking},
	{"Installing StorageClass", phaseStorage},
	{"Joining worker nodes", phaseWorkers},
}

// newTracker lists the phases to come.
func newTracker(report func(provisioner.Progress), names ...string) *provisioner.Tracker {
	var phases []provisioner.Phase
	for _, name := range names {
		phases = append(phases, provisioner.Phase{Name: name, Title: phaseTitles[name], Estimate: phaseEstimates[name]})
	}
	return provisioner.NewTracker(report, phases...)
}

// kindPhase returns the phase that kind's status line speaks of, and whether
// the line begins it; "" for a line that is of no phase.
func kindPhase(line string) (phase string, begins bool) {
	line = strings.TrimSpace(line)
	rest, begins := strings.CutPrefix(line, "• ")
	if !begins {
		var ends bool
		if rest, ends = strings.CutPrefix(line, "✓ "); !ends {
			return "", false
		}
	}
	for _, p := range kindPhases {
		if strings.HasPrefix(rest, p.words) {
			return p.phase, begins
		}
	}
	return "", false
}
