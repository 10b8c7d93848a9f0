package mend

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/labs/terminal"
)

const readTimeout = 5 * time.Second // of the kubeconfig

// Exit codes of lookScript beside 0.
const (
	noFile     = 10
	unreadable = 11
)

// lookScript prints the kubeconfig.
const lookScript = `cd && { [ -e .kube/config ] || [ ! -x .kube -a -e .kube ] || exit 10; } && cat .kube/config 2>/dev/null || exit 11`

// kept ends what is told of a kubeconfig that is there.
const kept = " Mending it writes the lab's own; what is there now is kept beside it, as ~/.kube/config.saved, ~/.kube/config.saved2 and so on."

// kubeconfigFault says why kubectl finds no cluster with the kubeconfig that lies in
// the home folder; "" where it does, where it cannot be found out, and where the lab itself
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

// ownsKubeconfig reports whether the lab is about a kubeconfig that it brings itself.
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

// mendKubeconfig has the agent write a kubeconfig with new credentials.
func (m *Mender) mendKubeconfig(ctx context.Context) error {
	kubeconfig, err := m.access.Student()
	if err != nil {
		return fmt.Errorf("make the student's access to the cluster: %w", err)
	}
	return terminal.Mend(ctx, m.access.Dial, terminal.RepairKubeconfig, kubeconfig)
}
