package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

// patience is for how long a test waits for what should happen at once.
const patience = 20 * time.Second

// startAgent serves an agent with a home folder of its own until the test ends,
// and fails the test where the agent leaves anything behind.
func startAgent(t testing.TB, options agent.Options) terminal.Dialer {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if options.Home == "" {
		options.Home = t.TempDir()
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- agent.Serve(ctx, listener, options) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("agent ended with %v", err)
			}
		case <-time.After(patience):
			t.Errorf("agent did not end")
		}
	})
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
}

// script makes options whose shell is a shell script, so that a test knows every
// byte of the output.
func script(lines ...string) agent.Options {
	return agent.Options{Shell: []string{"/bin/bash", "-c", strings.Join(lines, "\n")}}
}

// screen is a viewer that checks what it gets.
type screen struct {
	t        testing.TB
	conn     *terminal.Conn
	attached terminal.Control // the last
	size     terminal.Control // the last
	typed    int64            // as it was told
	next     int64            // offset of the next byte of output
	acked    int64
	lazy     bool // does not acknowledge
	output   bytes.Buffer
	last     *terminal.Control // exit or error
}

// open attaches and reads the first attached.
func open(t testing.TB, dial terminal.Dialer, request terminal.AttachRequest) *screen {
	t.Helper()
	if request.Terminal == "" {
		request.Terminal = "main"
	}
	conn, err := terminal.Attach(t.Context(), dial, request)
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &screen{t: t, conn: conn}
	s.must(s.step())
	if s.attached.Type != "attached" {
		t.Fatalf("got %+v first, want attached", s.last)
	}
	return s
}

// step handles one frame.
func (s *screen) step() error {
	alarm := time.AfterFunc(patience, func() { s.conn.Close() })
	defer alarm.Stop()
	frame, err := s.conn.Read()
	if err != nil {
		return err
	}
	if frame.Kind == terminal.FrameOutput {
		s.next += int64(len(frame.Payload))
		s.output.Write(frame.Payload)
		if !s.lazy && s.next-s.acked >= 64<<10 {
			s.acked = s.next
			_ = s.conn.Ack(s.next) // the agent may have finished; what it sent is still to be read
		}
		return nil
	}
	control, err := frame.Control()
	if err != nil {
		return err
	}
	switch control.Type {
	case "attached":
		s.attached, s.size = control, control
		s.next, s.acked = control.Offset, control.Offset
	case "size":
		s.size = control
	case "typed":
		s.typed = control.Offset
	default:
		s.last = &control
	}
	return nil
}

// until steps until condition holds.
func (s *screen) until(what string, condition func() bool) {
	s.t.Helper()
	for !condition() {
		if err := s.step(); err != nil {
			s.t.Fatalf("%v while waiting for %s; the last output is %q, the last message %+v", err, what, s.tail(), s.last)
		}
	}
}

// untilOutput steps until the output has text in it, and drops all output.
func (s *screen) untilOutput(text string) {
	s.t.Helper()
	s.until(text, func() bool { return bytes.Contains(s.output.Bytes(), []byte(text)) })
	s.output.Reset()
}

// untilExit steps until the end and returns the exit code.
func (s *screen) untilExit() int {
	s.t.Helper()
	s.until("exit", func() bool { return s.last != nil })
	if s.last.Type != "exit" {
		s.t.Fatalf("got %+v, want exit", s.last)
	}
	if err := s.step(); !errors.Is(err, io.EOF) {
		s.t.Fatalf("got %v after exit, want %v", err, io.EOF)
	}
	return s.last.ExitCode
}

// untilError steps until the agent sends the viewer away.
func (s *screen) untilError() string {
	s.t.Helper()
	s.until("error", func() bool { return s.last != nil })
	if s.last.Type != "error" {
		s.t.Fatalf("got %+v, want error", s.last)
	}
	return s.last.Message
}

func (s *screen) tail() []byte {
	return s.output.Bytes()[max(0, s.output.Len()-300):]
}

func (s *screen) typeIn(text string) {
	s.t.Helper()
	s.must(s.conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(text)}))
}

func (s *screen) resize(cols, rows int) {
	s.t.Helper()
	s.must(s.conn.Write(terminal.ControlFrame(terminal.Control{Type: "resize", Cols: cols, Rows: rows})))
}

func (s *screen) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits for something that nothing announces.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// hasCode tells whether err is a refusal of that kind.
func hasCode(err error, code terminal.Code) bool {
	refusal, ok := errors.AsType[*terminal.Error](err)
	return ok && refusal.Code == code
}

// gone tells whether a process has ended, waited for or not.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

// pidIn waits for a file that a script writes a process id to.
func pidIn(t testing.TB, file string) int {
	t.Helper()
	var pid int
	eventually(t, "a process id in "+file, func() bool {
		content, _ := os.ReadFile(file)
		number, complete := strings.CutSuffix(string(content), "\n")
		var err error
		pid, err = strconv.Atoi(number)
		return complete && err == nil
	})
	return pid
}

// The agent says for how long nothing was typed or printed.
func TestQuiet(t *testing.T) {
	started := time.Now()
	dial := startAgent(t, script("read line", "echo heard", "read line"))
	quiet := func(since time.Time) {
		t.Helper()
		status, err := terminal.Ping(t.Context(), dial)
		if err != nil {
			t.Fatal(err)
		}
		if most := time.Since(since); status.Quiet <= 0 || status.Quiet > most {
			t.Errorf("quiet for %s, want more than nothing and at most %s", status.Quiet, most)
		}
	}
	quiet(started)
	s := open(t, dial, terminal.AttachRequest{})
	typed := time.Now()
	s.typeIn("hello\n")
	s.untilOutput("heard")
	quiet(typed)
}
