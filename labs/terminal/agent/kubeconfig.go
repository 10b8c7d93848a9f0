package agent

import (
	"fmt"
	"os"
	"os/exec"
)

const (
	// kubeconfigFD is the number by which a command knows the kubeconfig that it
	// was given: one that no script takes for files of its own.
	kubeconfigFD = 100

	// noHome is what no user can make a folder of. Programs look into HOME for
	// settings, and some ask for the user's real home folder where it is not set.
	noHome = "/nonexistent"
)

// lend gives the command a kubeconfig, and with it an environment without the
// user's settings. The caller closes the file when the command has started.
func lend(cmd *exec.Cmd, kubeconfig []byte) (*os.File, error) {
	file, err := sealedFile("kubeconfig", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("keep a kubeconfig for the command: %w", err)
	}
	const first = 3 // the number of ExtraFiles[0]
	cmd.ExtraFiles = make([]*os.File, kubeconfigFD-first+1)
	cmd.ExtraFiles[kubeconfigFD-first] = file
	cmd.Env = append(cmd.Env, "HOME="+noHome, fmt.Sprintf("KUBECONFIG=/proc/self/fd/%d", kubeconfigFD))
	return file, nil
}
