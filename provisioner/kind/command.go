package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// commandError is a command of the engine that failed, with what it printed.
type commandError struct {
	args   []string
	output string
	err    error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s: %v: %s", strings.Join(e.args, " "), e.err, tail(e.output, 2000))
}

func (e *commandError) Unwrap() error { return e.err }

// tail returns the last n bytes of text, without space around them.
func tail(text string, n int) string {
	text = strings.TrimSpace(text)
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}

// run runs a command of the engine and returns what it wrote to its standard
// output, without the last newline. Its error is a commandError, or ctx's cause
// when that ended. Output that came before a failure is returned with it.
func (e *engine) run(ctx context.Context, args ...string) (string, error) {
	return e.pipe(ctx, nil, nil, args...)
}

// pipe is run with an input and, where copied is not nil, a copy of all output
// as it is written.
func (e *engine) pipe(ctx context.Context, in io.Reader, copied io.Writer, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, e.name, args...)
	cmd.WaitDelay = 2 * time.Second // a killed client's plugins may hold the pipes open
	var stdout, both bytes.Buffer
	out := &shared{writers: []io.Writer{&both}}
	if copied != nil {
		out.writers = append(out.writers, copied)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, io.MultiWriter(&stdout, out), out
	err := cmd.Run()
	text := strings.TrimRight(stdout.String(), "\n")
	switch {
	case err == nil:
		return text, nil
	case ctx.Err() != nil:
		return text, fmt.Errorf("%s %s: %w", e.name, args[0], context.Cause(ctx))
	default:
		return text, &commandError{args: append([]string{e.name}, args...), output: both.String(), err: err}
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
	failed, ok := errors.AsType[*commandError](err)
	if !ok {
		return false
	}
	output := strings.ToLower(failed.output)
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

// shared takes what a command writes to its two outputs.
type shared struct {
	mu      sync.Mutex
	writers []io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return io.MultiWriter(s.writers...).Write(b)
}
