// Package mend finds what a student broke of the way to their cluster (the home
// folder, the shell's start-up files, the kubeconfig, the cluster's add-ons) and
// puts it right when they ask for it. Package labs calls it for sessions that are
// Ready. It knows no sessions and no people.
package mend

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

// Type says what is broken.
type Type string

// The types of faults.
const (
	HomeFolder   Type = "HomeFolder"
	StartupFiles Type = "StartupFiles"
	Kubeconfig   Type = "Kubeconfig"
	Addons       Type = "Addons"
)

// Types are all of them.
var Types = []Type{HomeFolder, StartupFiles, Kubeconfig, Addons}

// Fault is something that is broken now.
type Fault struct {
	Type    Type
	Message string // for the student: what is wrong, and what mending it does
}

// AddonKeeper is the part of provisioner.AddonKeeper that concerns one cluster.
type AddonKeeper interface {
	Missing(ctx context.Context) ([]string, error)
	Restore(ctx context.Context) error
}

// Mender looks after one cluster and its workstation. Its methods may be called at the
// same time.
type Mender struct {
	lab    *content.Lab
	access *provisioner.Access
	addons AddonKeeper

	mu      sync.Mutex
	looked  time.Time // when addons were last asked for
	missing []string
}

// New returns a Mender of a cluster that was set up for lab.
func New(lab *content.Lab, access *provisioner.Access, addons AddonKeeper) *Mender {
	return &Mender{lab: lab, access: access, addons: addons}
}

const addonsEvery = 30 * time.Second // to look at them takes several questions to the API server

// Look returns what is broken now, given what the workstation's agent says. What
// cannot be looked at is left out.
func (m *Mender) Look(ctx context.Context, status terminal.Status) []Fault {
	var faults []Fault
	if status.HomeFault != "" {
		faults = append(faults, Fault{HomeFolder, "Your home folder cannot be used: " + status.HomeFault +
			". New terminals start in / and find neither your files nor your kubeconfig. Mending it gives you the folder back, with all that is in it."})
	} else if message := m.kubeconfigFault(ctx); message != "" {
		faults = append(faults, Fault{Kubeconfig, message})
	}
	if status.ShellsEnd {
		faults = append(faults, Fault{StartupFiles, "New terminals end at once, as they do when ~/.bashrc or ~/.profile fails. " +
			"Mending it writes these files anew; what is there now is kept beside them, as ~/.bashrc.saved, ~/.bashrc.saved2 and so on."})
	}
	if missing := m.missingAddons(ctx); len(missing) > 0 {
		faults = append(faults, Fault{Addons, "This cluster lacks what every cluster has: " + strings.Join(missing, ", ") +
			", which was deleted. Names inside the cluster, its network or its volumes may fail without it. Mending it makes it again."})
	}
	return faults
}

// Mend puts right what fault names. Mending what is whole is no error.
func (m *Mender) Mend(ctx context.Context, fault Type) error {
	switch fault {
	case HomeFolder:
		return terminal.Mend(ctx, m.access.Dial, terminal.RepairHome, nil)
	case StartupFiles:
		return terminal.Mend(ctx, m.access.Dial, terminal.RepairStartup, nil)
	case Kubeconfig:
		return m.mendKubeconfig(ctx)
	case Addons:
		m.mu.Lock()
		m.looked = time.Time{}
		m.mu.Unlock()
		return m.addons.Restore(ctx)
	}
	return fmt.Errorf("mend: no fault has the type %q", fault)
}

func (m *Mender) missingAddons(ctx context.Context) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.looked) < addonsEvery {
		return m.missing
	}
	missing, err := m.addons.Missing(ctx)
	if err != nil {
		return m.missing
	}
	m.looked, m.missing = time.Now(), missing
	return missing
}
