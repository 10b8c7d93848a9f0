// Package setup makes of a fresh cluster what a lab's author wants the student
// to find: the kubeconfig and the lab's files on the workstation, the lab's
// manifests in the cluster, and what its scripts do. Package labs calls it when a
// session has claimed a cluster, and so does the verification of labs. It knows
// no sessions and no people.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wheelhouse/content"
	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

// Error is a set-up that failed. Message says for a person which part of it and
// with what output; Err is the cause.
type Error struct {
	Message string
	Err     error
}

func (e *Error) Error() string { return e.Message + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Run sets lab up on the cluster behind access. It blocks until the last manifest
// is applied, the last script has ended and the Pods that they made are ready or
// cannot be, which takes seconds, or ctx ends. Every other failure is an *Error.
func Run(ctx context.Context, lab *content.Lab, access *provisioner.Access) error {
	if err := Home(ctx, lab, access); err != nil {
		return err
	}
	if len(lab.Setup) == 0 {
		return nil
	}
	manifests, err := newApplier(access)
	if err != nil {
		return &Error{Message: "The cluster could not be reached.", Err: err}
	}
	defer manifests.close()
	for _, file := range lab.Setup {
		switch path.Ext(file.Name) {
		case ".yaml":
			err = manifests.apply(ctx, file)
		case ".sh":
			err = runScript(ctx, file, access)
		default:
			err = &Error{Message: "The lab's set-up has a file " + file.Name + " that is neither a manifest nor a script.", Err: errors.New(lab.Dir)}
		}
		if err != nil {
			return err
		}
	}
	return settle(ctx, manifests.objects)
}

// Home writes the student's kubeconfig, with new credentials, and the lab's files to
// the workstation's home folder. It may be done again after the workstation has lost them.
func Home(ctx context.Context, lab *content.Lab, access *provisioner.Access) error {
	kubeconfig, err := access.Student()
	if err != nil {
		return &Error{Message: "The student's access to the cluster could not be made.", Err: err}
	}
	if err := terminal.WriteFile(ctx, access.Dial, ".kube/config", 0o600, kubeconfig); err != nil {
		return workstationError(err)
	}
	if lab.Files == nil {
		return nil
	}
	return fs.WalkDir(lab.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(lab.Files, name)
		if err != nil {
			return &Error{Message: "The lab's file " + name + " could not be read.", Err: err}
		}
		if err := terminal.WriteFile(ctx, access.Dial, name, fileMode(name), text); err != nil {
			return workstationError(err)
		}
		return nil
	})
}

// fileMode goes by the name, since embedded files have lost their modes.
func fileMode(name string) fs.FileMode {
	if path.Ext(name) == ".sh" {
		return 0o755
	}
	return 0o644
}

const (
	scriptTimeout = 3 * time.Minute // for one script; the caller's ctx may end sooner
	maxOutput     = 2 << 10         // bytes of a script's output in a message: the end, where the trouble is
)

// runScript runs a script as the student, with the student's kubeconfig. It is
// not written to the home folder, where the student could read it.
func runScript(ctx context.Context, file content.SetupFile, access *provisioner.Access) error {
	result, err := terminal.Run(ctx, access.Dial, terminal.RunRequest{
		Command: []string{"bash", "-euo", "pipefail", "-c", file.Text, file.Name},
		User:    true,
		Timeout: scriptTimeout,
	})
	output := append(result.Stdout, result.Stderr...)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &Error{Message: "The set-up script " + file.Name + " took longer than 3 minutes" + printed(output), Err: err}
	case err != nil:
		return workstationError(err)
	case result.ExitCode != 0:
		return &Error{
			Message: "The set-up script " + file.Name + " failed" + printed(output),
			Err:     fmt.Errorf("exit status %d", result.ExitCode),
		}
	}
	return nil
}

// printed ends a sentence with the end of a command's output.
func printed(output []byte) string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(output), "\uFFFD"))
	if text == "" {
		return " and printed nothing."
	}
	if len(text) > maxOutput {
		text = text[len(text)-maxOutput:]
		for !utf8.RuneStart(text[0]) {
			text = text[1:]
		}
		text = "… " + text
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return -1
	}, text)
	return " and printed:\n" + text + "\n"
}

func workstationError(err error) error {
	return &Error{Message: "The workstation could not be prepared.", Err: err}
}
