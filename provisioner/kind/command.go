package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"wheelhouse/provisioner/command"
)

// run runs a command of the engine and returns what it wrote to its standard
// output, without the last newline. Its error is a *command.Error, or ctx's cause
// when that ended. Output that came before a failure is returned with it.
func (e *engine) run(ctx context.Context, args ...string) (string, error) {
	return e.pipe(ctx, nil, nil, args...)
}

// pipe is run with an input and, where copied is not nil, a copy of all output
// as it is written.
func (e *engine) pipe(ctx context.Context, in io.Reader, copied io.Writer, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, e.name, args...)
	cmd.WaitDelay = 2 * time.Second // a killed client's plugins may hold the pipes open
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, copied, copied
	out, err := command.Output(cmd)
	text := strings.TrimRight(string(out), "\n")
	switch {
	case err == nil:
		return text, nil
	case ctx.Err() != nil:
		return text, fmt.Errorf("%s %s: %w", e.name, args[0], context.Cause(ctx))
	default:
		return text, err
	}
}

// lines runs a command of the engine and returns the lines of its output.
func (e *engine) lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := e.run(ctx, args...)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}

// gone reports whether err says that what a command named is not there.
func gone(err error) bool {
	failed, ok := errors.AsType[*command.Error](err)
	if !ok {
		return false
	}
	output := strings.ToLower(failed.Output)
	return containsAny(output, "no such", "not found", "no container with", "image not known")
}

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
