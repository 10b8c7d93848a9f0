package command_test

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/provisioner/command"
)

// TestRun runs commands that fail: each error says which it was, how it ended and what
// it printed last.
func TestRun(t *testing.T) {
	for _, try := range []struct {
		name, script, want string
	}{
		{"silent", "exit 3", "sh -c exit 3: exit status 3: it printed nothing"},
		{"blank", `printf ' \n'; exit 3`, `sh -c printf ' \n'; exit 3: exit status 3: it printed nothing`},
		{"standard output alone", "echo no space; exit 1", "sh -c echo no space; exit 1: exit status 1: no space"},
		{"both", "echo out; echo err >&2; exit 1", "sh -c echo out; echo err >&2; exit 1: exit status 1: out\nerr"},
		{"a signal", "echo late; kill -KILL $$", "sh -c echo late; kill -KILL $$: signal: killed: late"},
	} {
		t.Run(try.name, func(t *testing.T) {
			if err := command.Run(exec.Command("sh", "-c", try.script)); err == nil || err.Error() != try.want {
				t.Errorf("run: got %v, want %s", err, try.want)
			}
			swapped := strings.Replace(try.want, "out\nerr", "err\nout", 1) // two pipes have no order
			if _, err := command.Output(exec.Command("sh", "-c", try.script)); err == nil || err.Error() != try.want && err.Error() != swapped {
				t.Errorf("output: got %v, want %s", err, try.want)
			}
		})
	}
}

// TestOrder has a command that goes from one output to the other: without writers of
// its own they are one pipe, so that the error reads as it would in a terminal.
func TestOrder(t *testing.T) {
	const times = 500
	err := command.Run(exec.Command("sh", "-c", "i=0; while [ $i -lt 500 ]; do echo out; echo err >&2; i=$((i + 1)); done; exit 1"))
	var failed *command.Error
	if !errors.As(err, &failed) || failed.Output+"\n" != strings.Repeat("out\nerr\n", times) {
		t.Errorf("got %v, want %d times out and err", err, times)
	}
}

func TestOutput(t *testing.T) {
	var log bytes.Buffer // one for both, as the log of a build is
	cmd := exec.Command("sh", "-c", "echo out; echo err >&2; exit 1")
	cmd.Stdout, cmd.Stderr = &log, &log
	out, err := command.Output(cmd)
	if string(out) != "out\n" || !strings.Contains(log.String(), "out\n") || !strings.Contains(log.String(), "err\n") {
		t.Errorf("got %q, and %q in the log", out, log.String())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).ExitStatus() != 1 {
		t.Errorf("got %v, want an exec.ExitError in it", err)
	}
	if err := command.Run(exec.Command("/nowhere/program", "now")); err == nil || !strings.HasPrefix(err.Error(), "program now: fork/exec /nowhere/program") {
		t.Errorf("one that is not there: got %v", err)
	}
	if err := command.Run(exec.Command("true")); err != nil {
		t.Errorf("one that works: got %v", err)
	}
}

// TestLong has a command that prints very much, with a very long line.
func TestLong(t *testing.T) {
	err := command.Run(exec.Command("sh", "-c", "seq 1 100000; exit 1", strings.Repeat("long ", 1000), "last"))
	text := err.Error()
	if !strings.HasPrefix(text, "sh -c seq 1 100000; exit 1 long long ") || !strings.Contains(text, " last: exit status 1: ") ||
		!strings.HasSuffix(text, "\n99999\n100000") || strings.Count(text, "\n") != 11 || len(text) > 2500 {
		t.Errorf("got %d bytes: %s", len(text), text)
	}
}
