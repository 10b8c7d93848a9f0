// Package mend finds what a student broke of the way to their cluster (the home
// folder, the shell's start-up files, the kubeconfig, the cluster's add-ons) and
// puts it right when they ask for it. Package labs calls it for sessions that are
// Ready. It knows no sessions and no people.
package mend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/labs/setup"
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

const (
	readTimeout = 5 * time.Second  // for a look at a file, and for moving one
	addonsEvery = 30 * time.Second // they are several questions to the API server
)

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
			"Mending it writes these files anew; what is there now is kept beside them, as ~/.bashrc.saved."})
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
		return terminal.Mend(ctx, m.access.Dial, terminal.RepairHome)
	case StartupFiles:
		return terminal.Mend(ctx, m.access.Dial, terminal.RepairStartup)
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

// Exit codes of lookScript beside 0.
const (
	noFile     = 10
	unreadable = 11
)

// lookScript prints the kubeconfig.
const lookScript = `cd && { [ -e .kube/config ] || [ ! -x .kube -a -e .kube ] || exit 10; } && cat .kube/config 2>/dev/null || exit 11`

// kept ends what is told of a kubeconfig that is there.
const kept = " Mending it writes the lab's own; what is there now is kept as ~/.kube/config.saved."

// kubeconfigFault says why kubectl finds no cluster with the kubeconfig that lies in
// the home folder; "" where it does, where nobody can tell, and where the lab itself
// has put one there.
func (m *Mender) kubeconfigFault(ctx context.Context) string {
	if ownsKubeconfig(m.lab) {
		return ""
	}
	result, err := terminal.Run(ctx, m.access.Dial, terminal.RunRequest{
		Command: []string{"/bin/sh", "-c", lookScript}, User: true, Timeout: readTimeout,
	})
	switch {
	case err != nil || result.Truncated:
		return ""
	case result.ExitCode == noFile:
		return "There is no kubeconfig: ~/.kube/config is gone, so kubectl looks for a cluster at localhost:8080. Mending it writes the lab's own."
	case result.ExitCode == unreadable:
		return "The kubeconfig ~/.kube/config cannot be read, so kubectl finds no cluster." + kept
	case result.ExitCode != 0:
		return ""
	}
	config, err := clientcmd.Load(result.Stdout)
	if err != nil {
		return "The kubeconfig ~/.kube/config is no valid one any more, so kubectl finds no cluster." + kept
	}
	current, there := config.Contexts[config.CurrentContext]
	switch {
	case config.CurrentContext == "":
		return "The kubeconfig ~/.kube/config has no current context, so kubectl looks for a cluster at localhost:8080." + kept
	case !there:
		return "The kubeconfig ~/.kube/config names a current context that it does not have, so kubectl finds no cluster." + kept
	case config.Clusters[current.Cluster] == nil || config.Clusters[current.Cluster].Server == "":
		return "The current context of the kubeconfig ~/.kube/config names a cluster that it does not have, so kubectl finds none." + kept
	case config.AuthInfos[current.AuthInfo] == nil:
		return "The current context of the kubeconfig ~/.kube/config names a user that it does not have, so kubectl cannot log in." + kept
	}
	return ""
}

// ownsKubeconfig tells whether the lab is about a kubeconfig that it brings itself.
func ownsKubeconfig(lab *content.Lab) bool {
	if lab.Files != nil {
		if _, err := fs.Stat(lab.Files, ".kube"); err == nil {
			return true
		}
	}
	for _, file := range lab.Setup {
		for _, word := range []string{".kube", "kubeconfig", "KUBECONFIG", "kubectl config"} {
			if strings.Contains(file.Text, word) {
				return true
			}
		}
	}
	return false
}

// asideScript makes room for a new kubeconfig.
const asideScript = `cd && { [ -d .kube ] || [ ! -e .kube -a ! -L .kube ] || mv -f .kube .kube.saved; } &&
	{ [ ! -d .kube ] || chmod u+rwx .kube; } && { [ ! -e .kube/config -a ! -L .kube/config ] || mv -f .kube/config .kube/config.saved; }`

func (m *Mender) mendKubeconfig(ctx context.Context) error {
	result, err := terminal.Run(ctx, m.access.Dial, terminal.RunRequest{
		Command: []string{"/bin/sh", "-c", asideScript}, User: true, Timeout: readTimeout,
	})
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return errors.New("move the kubeconfig aside: " + strings.TrimSpace(string(result.Stderr)))
	}
	return setup.Kubeconfig(ctx, m.access)
}
