package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
	vt "wheelhouse/labs/terminal/screen"
)

func TestReconnectLosesNothing(t *testing.T) {
	const reconnects, lines = 100, 1_000_000
	want := new(bytes.Buffer)
	for i := range lines {
		fmt.Fprintln(want, i+1)
	}
	dial := startAgent(t, script("stty -opost -echo", "seq "+strconv.Itoa(lines), "exit 7"))

	random := rand.New(rand.NewPCG(1, 2))
	var got bytes.Buffer
	var request terminal.AttachRequest
	for range reconnects {
		limit := 20_000 + random.Int64N(80_000)
		s := open(t, cutAfter(dial, limit), request)
		if s.attached.Offset != int64(got.Len()) || s.attached.Lost != 0 {
			t.Fatalf("attached %+v, want offset %d and nothing lost", s.attached, got.Len())
		}
		for s.step() == nil && s.last == nil {
		}
		if s.last != nil {
			t.Fatalf("ended early, with %+v", s.last)
		}
		got.Write(s.output.Bytes())
		request = terminal.AttachRequest{Epoch: s.attached.Epoch, Offset: s.next}
	}
	s := open(t, dial, request)
	if code := s.untilExit(); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	got.Write(s.output.Bytes())
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Fatalf("got %d bytes over %d connections, want exactly the %d that were written", got.Len(), reconnects+1, want.Len())
	}
}

// cutAfter dials connections that break after so many bytes, wherever that is.
func cutAfter(dial terminal.Dialer, limit int64) terminal.Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return &cutConn{Conn: conn, left: limit}, err
	}
}

type cutConn struct {
	net.Conn
	left int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// An interrupted viewer's output waits, but not for ever.
func TestNoViewer(t *testing.T) {
	progress := filepath.Join(t.TempDir(), "progress")
	cmd := shellCommand("stty -opost; seq 500000; touch " + progress + "; read line")
	shell := startShell(t, cmd, terminal.Options{Hold: time.Millisecond})
	viewer := view(t, shell, terminal.AttachRequest{})
	viewer.Close()
	eventually(t, "the end of the output", func() bool { _, err := os.Stat(progress); return err == nil })

	viewer = view(t, shell, terminal.AttachRequest{Epoch: shell.Epoch(), Offset: 0})
	frame, err := viewer.Next(t.Context(), make([]byte, 4096))
	if err != nil {
		t.Fatal(err)
	}
	hello, err := frame.Control()
	if err != nil {
		t.Fatal(err)
	}
	if restored := hello.Lost - hello.Offset; hello.Until-hello.Lost != 1<<20 || restored <= 0 || restored > 4096 {
		t.Errorf("attached %+v, want a ring of 1 MiB, a screen before it, and the rest lost", hello)
	}
	frame, err = viewer.Next(t.Context(), make([]byte, 4096))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for i := range 500_000 {
		fmt.Fprintln(&all, i+1)
	}
	begin, whole := vt.New(80, 24), vt.New(80, 24)
	begin.Write(frame.Payload[:hello.Lost-hello.Offset])
	whole.Write(all.Bytes()[:hello.Lost])
	if got, want := begin.Text(), whole.Text(); got != want {
		t.Errorf("replay begins with the screen\n%s\nwant\n%s", got, want)
	}
}

// A program that painted the screen long ago, and only changes a part of it since then,
// is seen as a whole by who comes later; also where the window had another size.
func TestScreenOutlivesRing(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	cmd := shellCommand(`printf 'before\r\n\033[?1049h\033[?1h\033[?2004h\033[2;5r\033[1;1H\033[7mheader\033[m\033]2;a title\007\033[24;1Hfooter'
		for i in $(seq 60000); do printf '\033[3;%dH\033[3%dmcount €%d' $((i % 9 + 1)) $((i % 8)) $i; done; touch ` + done + `; read line`)
	shell := startShell(t, cmd, terminal.Options{Hold: time.Millisecond})
	eventually(t, "the end of the output", func() bool { _, err := os.Stat(done); return err == nil })
	for _, columns := range []int{80, 100} {
		viewer := view(t, shell, terminal.AttachRequest{Cols: columns, Rows: 24})
		got, until := vt.New(columns, 24), int64(0)
		for offset := int64(-1); offset < until; {
			frame, err := viewer.Next(t.Context(), make([]byte, 1000))
			if err != nil {
				t.Fatal(err)
			}
			if frame.Kind == terminal.FrameOutput {
				got.Write(frame.Payload)
				offset += int64(len(frame.Payload))
				if err := viewer.Handle(terminal.ControlFrame(terminal.Control{Type: "ack", Offset: offset})); err != nil {
					t.Fatal(err)
				}
			} else if hello, err := frame.Control(); err == nil && hello.Type == "attached" {
				offset, until = hello.Offset, hello.Until
			}
		}
		viewer.Close()
		text := got.Text()
		if lines := strings.Split(text, "\n"); lines[0] != "header" || !strings.HasSuffix(text, "footer") || !strings.Contains(text, "count €60000") {
			t.Errorf("at %d columns the screen shows\n%s", columns, text)
		}
		got.Write([]byte("\x1b[?1049l"))
		if text := got.Text(); text != "before" {
			t.Errorf("at %d columns, after the program's screen comes %q, want what was there before", columns, text)
		}
		for _, mode := range []string{"\x1b[?1h", "\x1b[?2004h", "\x1b]2;a title"} {
			if !strings.Contains(string(got.Restore()), mode) {
				t.Errorf("at %d columns, %q is not in force", columns, mode)
			}
		}
	}
}

func TestLostOutputBeginsWithWholeRune(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	cmd := shellCommand("stty -opost; head -c 1500000 /dev/zero | sed 's/\\x0/€/g'; touch " + done + "; read line")
	shell := startShell(t, cmd, terminal.Options{Hold: time.Millisecond})
	eventually(t, "the end of the output", func() bool { _, err := os.Stat(done); return err == nil })
	viewer := view(t, shell, terminal.AttachRequest{})
	begin, n := vt.New(80, 24), 0
	for n < 1<<18 {
		frame, err := viewer.Next(t.Context(), make([]byte, 1000)) // not a multiple of 3
		if err != nil {
			t.Fatal(err)
		}
		if frame.Kind == terminal.FrameOutput {
			begin.Write(frame.Payload)
			n += len(frame.Payload)
		}
	}
	if text := begin.Text(); strings.Trim(text, "€\n") != "" || !strings.Contains(text, "€") {
		t.Errorf("the screen shows %q, want the character alone", text)
	}
}

func TestServerDeathLeavesShell(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	var conns atomic.Pointer[net.Conn]
	first := open(t, func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		conns.Store(&conn)
		return conn, err
	}, terminal.AttachRequest{})
	first.typeIn("secret=42\n")
	first.untilOutput("secret=42\r\n")
	(*conns.Load()).Close()
	second := open(t, dial, terminal.AttachRequest{})
	second.typeIn("echo still-$secret\n")
	second.untilOutput("still-42")
}

// Connections, shells and commands that are over leave no goroutine, file or
// process behind.
func TestNothingIsLeft(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	round := func() {
		s := open(t, dial, terminal.AttachRequest{})
		other := open(t, dial, terminal.AttachRequest{ReadOnly: true})
		s.typeIn("exit\n")
		s.untilExit()
		s.conn.Close()
		other.conn.Close()
		if _, err := terminal.Run(t.Context(), dial, sh("true")); err != nil {
			t.Fatal(err)
		}
		if err := terminal.WriteFile(t.Context(), dial, "file", 0o600, nil); err != nil {
			t.Fatal(err)
		}
	}
	round()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 50 {
		round()
	}
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	eventually(t, "files to be closed", func() bool { return openFiles(t) <= files+2 })
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("NOT TESTED: open files, because there is no /proc: %v", err)
	}
	return len(entries)
}

// A shell that exits before its first viewer comes is still shown to the first.
func TestExitBeforeFirstViewer(t *testing.T) {
	shell := startShell(t, shellCommand("exit 3"), terminal.Options{})
	<-shell.Done()
	viewer := view(t, shell, terminal.AttachRequest{})
	var last terminal.Control
	for {
		frame, err := viewer.Next(t.Context(), make([]byte, 1000))
		if err != nil {
			break
		}
		if last, err = frame.Control(); err != nil {
			t.Fatal(err)
		}
	}
	if last.Type != "exit" || last.ExitCode != 3 {
		t.Errorf("the last frame is %+v, want exit 3", last)
	}
	if _, err := shell.Attach(terminal.AttachRequest{Terminal: "main"}); !errors.Is(err, terminal.ErrExited) {
		t.Errorf("the second viewer got %v, want %v", err, terminal.ErrExited)
	}
}
