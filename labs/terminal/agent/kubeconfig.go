package agent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// kubeconfigFD is the number by which a command knows the kubeconfig that it was
// given: one that no script takes for files of its own.
const kubeconfigFD = 100

// lent is what a command has for as long as it runs: a kubeconfig, and a home folder
// without the user's settings.
type lent struct {
	kubeconfig *os.File
	home       string
}

// lend gives the command a kubeconfig and a home folder of the agent's. The caller
// closes what it returns when the command has ended.
func lend(cmd *exec.Cmd, kubeconfig []byte) (*lent, error) {
	l := &lent{}
	var err error
	if l.kubeconfig, err = sealedFile("kubeconfig", kubeconfig); err != nil {
		return nil, fmt.Errorf("keep a kubeconfig for the command: %w", err)
	}
	if l.home, err = plainHome(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	const first = 3 // the number of ExtraFiles[0]
	cmd.ExtraFiles = make([]*os.File, kubeconfigFD-first+1)
	cmd.ExtraFiles[kubeconfigFD-first] = l.kubeconfig
	cmd.Env = append(cmd.Env, "HOME="+l.home, fmt.Sprintf("KUBECONFIG=/proc/self/fd/%d", kubeconfigFD))
	return l, nil
}

// plainHome makes a home folder that only the agent's own user can write to. It
// has an empty .curlrc, because curl goes on to the user's where it finds none.
func plainHome() (string, error) {
	home, err := os.MkdirTemp("", "home-")
	if err != nil {
		return "", err
	}
	err = os.WriteFile(filepath.Join(home, ".curlrc"), nil, 0o644)
	if err == nil {
		err = os.Chmod(home, 0o755)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(home))
	}
	return home, nil
}

func (l *lent) close() error {
	err := l.kubeconfig.Close()
	if l.home != "" {
		err = errors.Join(err, os.RemoveAll(l.home))
	}
	return err
}
