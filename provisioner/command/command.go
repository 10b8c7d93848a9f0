// Package command runs programs so that an error says all that is known of a failure:
// which command it was, how it ended, and what it printed last. Everything that makes
// clusters uses it; it knows none of it.
package command

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

const (
	mostName  = 300      // bytes of a command line in an error
	mostLines = 12       // of output in an error
	mostText  = 2 << 10  // bytes of output in an error
	mostKept  = 16 << 10 // bytes of output that Error.Output has
)

// Error is a command that failed.
type Error struct {
	Command string // as it is named in the error
	Output  string // the end of what it printed
	Err     error  // how it ended: an *exec.ExitError, or why it did not start
}

// Failed returns an *Error of the command, and nil where err is nil.
func Failed(command string, err error, output []byte) error {
	if err == nil {
		return nil
	}
	output = bytes.TrimSpace(output)
	return &Error{Command: command, Err: err, Output: strings.ToValidUTF8(string(output[max(0, len(output)-mostKept):]), "")}
}

func (e *Error) Error() string {
	said := LastLines(e.Output)
	if said == "" {
		said = "it printed nothing"
	}
	return fmt.Sprintf("%s: %v: %s", e.Command, e.Err, said)
}

func (e *Error) Unwrap() error { return e.Err }

// LastLines returns the end of text, as much as belongs into an error.
func LastLines(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > mostText {
		text = "…" + strings.ToValidUTF8(text[len(text)-mostText:], "")
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-mostLines):], "\n")
}

// Line returns a command as an error names it. Of a long one the middle is left out.
func Line(program string, args ...string) string {
	line := strings.Join(append([]string{filepath.Base(program)}, args...), " ")
	if len(line) > mostName {
		line = strings.ToValidUTF8(line[:mostName/3], "") + " … " + strings.ToValidUTF8(line[len(line)-mostName*2/3:], "")
	}
	return line
}

// Run runs cmd and returns an *Error where it fails. Where cmd.Stdout or cmd.Stderr are
// set they get the output as well, one piece at a time; it comes by a pipe, so that Run
// also waits for processes that cmd has left behind with it. The error has both outputs
// in the order in which they were written where neither is set; else each comes by a pipe
// of its own, and what was written to one may stand before what came earlier on the other.
func Run(cmd *exec.Cmd) error { return run(cmd, nil) }

// Output is Run, and returns what cmd has written to its standard output, also before
// it failed.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var stdout bytes.Buffer
	err := run(cmd, &stdout)
	return stdout.Bytes(), err
}

// run has cmd write to stdout, which may be nil, beside its own writers.
func run(cmd *exec.Cmd, stdout io.Writer) error {
	var mu sync.Mutex // the writers of both outputs may be one
	var both Tail     // some say on one why, on the other that they failed
	if stdout == nil && cmd.Stdout == nil && cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = &both, &both // one writer is one pipe
		return Failed(Line(cmd.Path, cmd.Args[1:]...), cmd.Run(), both.Bytes())
	}
	cmd.Stdout = &tee{&mu, []io.Writer{&both, stdout, cmd.Stdout}}
	cmd.Stderr = &tee{&mu, []io.Writer{&both, cmd.Stderr}}
	return Failed(Line(cmd.Path, cmd.Args[1:]...), cmd.Run(), both.Bytes())
}

// tee writes to all of its writers that are not nil.
type tee struct {
	mu      *sync.Mutex
	writers []io.Writer
}

func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.writers {
		if w == nil {
			continue
		}
		if n, err := w.Write(p); err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// Tail keeps the end of what is written to it. Several may write at the same time.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > mostKept {
		t.text = bytes.Clone(t.text[len(t.text)-mostKept:])
	}
	return len(p), nil
}

// Bytes returns a copy of what it keeps.
func (t *Tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.text)
}
