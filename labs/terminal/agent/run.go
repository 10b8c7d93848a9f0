package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wheelhouse/labs/terminal"
)

const maxRunBody = 4 << 20 // bytes of a request's JSON

// run runs a command and answers when it has ended.
func (a *agent) run(w http.ResponseWriter, r *http.Request) {
	var message terminal.RunMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRunBody)).Decode(&message); err != nil {
		refuse(w, invalid("run: %v", err))
		return
	}
	if err := checkRun(message); err != nil {
		refuse(w, err)
		return
	}
	select {
	case a.runs <- struct{}{}:
		defer func() { <-a.runs }()
	default:
		refuse(w, &terminal.Error{Code: terminal.CodeLimited, Message: "too many commands run on this workstation; try again in a moment"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(message.Timeout)*time.Millisecond)
	defer cancel()
	result, err := a.execute(ctx, message)
	if err != nil {
		refuse(w, a.explain(err))
		return
	}
	answer(w, result)
}

func checkRun(message terminal.RunMessage) error {
	timeout := time.Duration(message.Timeout) * time.Millisecond
	switch {
	case len(message.Command) == 0 || message.Command[0] == "":
		return invalid("run: the command is empty")
	case timeout <= 0 || timeout > terminal.MaxRun:
		return invalid("run: the time limit is %s; it has to be more than 0 and at most %s", timeout, terminal.MaxRun)
	case len(message.Stdin) > terminal.MaxStdin:
		return invalid("run: %d bytes of input, more than %d", len(message.Stdin), terminal.MaxStdin)
	}
	for _, text := range slices.Concat(message.Command, message.Env, []string{message.Dir}) {
		if strings.ContainsRune(text, 0) {
			return invalid("run: %q holds a null character", text)
		}
	}
	for _, entry := range message.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" {
			return invalid("run: %q sets no environment variable", entry)
		}
	}
	return nil
}

// execute runs a command in a process group of its own, and kills that group
// when the command has ended or ctx is over.
func (a *agent) execute(ctx context.Context, message terminal.RunMessage) (*terminal.RunAnswer, error) {
	cmd := a.prepare(message)
	if len(message.Kubeconfig) > 0 {
		lent, err := lend(cmd, message.Kubeconfig)
		if err != nil {
			return nil, err
		}
		defer lent.close()
	}
	streams, err := openStreams(cmd)
	if err != nil {
		return nil, err
	}
	exit, err := a.children.start(cmd)
	streams.closeTheirs()
	if err != nil {
		streams.closeOurs()
		return nil, err
	}
	answer := &terminal.RunAnswer{}
	var copying sync.WaitGroup
	var stdout, stderr output
	copying.Go(func() { stdout.readFrom(streams.stdout) })
	copying.Go(func() { stderr.readFrom(streams.stderr) })
	copying.Go(func() {
		_, _ = streams.stdin.Write(message.Stdin) // the command need not read it
		streams.stdin.Close()
	})
	select {
	case answer.ExitCode = <-exit:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	case <-ctx.Done():
		answer.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		answer.ExitCode = <-exit
	}
	// A process that left the group may keep the streams open.
	streams.closeSoon()
	copying.Wait()
	streams.closeOurs()
	answer.Stdout, answer.Stderr = stdout.kept.Bytes(), stderr.kept.Bytes()
	answer.Truncated = stdout.truncated || stderr.truncated
	return answer, nil
}

// prepare makes the command that message asks for.
func (a *agent) prepare(message terminal.RunMessage) *exec.Cmd {
	env := slices.Concat([]string{"TERM=dumb"}, message.Env)
	var cmd *exec.Cmd
	if message.User {
		cmd = a.account.command(message.Command, env...)
	} else {
		cmd = rootCommand(message.Command, a.account.home, env...)
	}
	if message.Dir != "" {
		cmd.Dir = message.Dir
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true // no controlling terminal, and a process group
	return cmd
}

// streams are the agent's ends of a command's three pipes, and the command's.
type streams struct {
	stdin, stdout, stderr *os.File
	theirs                []*os.File
}

func openStreams(cmd *exec.Cmd) (*streams, error) {
	var files [6]*os.File
	for i := 0; i < len(files); i += 2 {
		var err error
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			for _, file := range files[:i] {
				file.Close()
			}
			return nil, err
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	return &streams{
		stdin: files[1], stdout: files[2], stderr: files[4],
		theirs: []*os.File{files[0], files[3], files[5]},
	}, nil
}

func (s *streams) closeTheirs() {
	for _, file := range s.theirs {
		file.Close()
	}
}

// closeSoon lets reads go on for what has been written already.
func (s *streams) closeSoon() {
	s.stdin.Close()
	soon := time.Now().Add(time.Second)
	s.stdout.SetReadDeadline(soon)
	s.stderr.SetReadDeadline(soon)
}

func (s *streams) closeOurs() {
	s.stdin.Close()
	s.stdout.Close()
	s.stderr.Close()
}

// output keeps the first terminal.MaxStdout bytes of a stream.
type output struct {
	kept      bytes.Buffer
	truncated bool
}

// readFrom reads until the end, so that the command is not held up.
func (o *output) readFrom(r io.Reader) {
	_, err := io.Copy(&o.kept, io.LimitReader(r, terminal.MaxStdout))
	if err != nil {
		return
	}
	rest, _ := io.Copy(io.Discard, r)
	o.truncated = rest > 0
}
