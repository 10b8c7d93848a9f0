package terminal_test

import (
	"os/exec"
	"testing"

	"wheelhouse/labs/terminal"
)

// shellCommand is a shell script for startShell.
func shellCommand(text string) *exec.Cmd {
	return exec.Command("/bin/bash", "-c", text)
}

// startShell starts the terminal main without an agent. It is closed when the test ends.
func startShell(t testing.TB, cmd *exec.Cmd, options terminal.Options) *terminal.Terminal {
	t.Helper()
	options.Name = "main"
	shell, err := terminal.Start(cmd, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shell.Close)
	return shell
}

// view attaches a viewer to a terminal of startShell. It leaves when the test ends.
func view(t testing.TB, shell *terminal.Terminal, request terminal.AttachRequest) *terminal.Viewer {
	t.Helper()
	request.Terminal = "main"
	viewer, err := shell.Attach(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(viewer.Close)
	return viewer
}
