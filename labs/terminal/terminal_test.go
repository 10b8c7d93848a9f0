package terminal_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

func TestLoginShell(t *testing.T) {
	home := t.TempDir()
	t.Setenv("SECRET_OF_THE_AGENT", "leaked")
	dial := startAgent(t, agent.Options{Home: home})
	s := open(t, dial, terminal.AttachRequest{Cols: 101, Rows: 31})
	if s.attached.Cols != 101 || s.attached.Rows != 31 || s.attached.Terminal != "main" {
		t.Errorf("attached %+v, want terminal main of 101 x 31", s.attached)
	}
	for question, want := range map[string]string{
		"stty size":                         "<31 101>",
		"shopt -q login_shell; echo $?":     "<0>",
		"pwd; echo $HOME":                   "<" + home + " " + home + ">",
		"echo $TERM $COLORTERM $LANG":       "<xterm-256color truecolor C.UTF-8>",
		"echo ${SECRET_OF_THE_AGENT-unset}": "<unset>",
		"tty | cut -c1-9":                   "</dev/pts/>",
		"test -O $(tty) && echo mine":       "<mine>",
	} {
		s.typeIn(`printf '<%s>\n' "$(echo $(` + question + "))\"\n")
		s.untilOutput(want)
	}
}

func TestExitCodes(t *testing.T) {
	for ending, want := range map[string]int{
		"exit 0":       0,
		"exit 3":       3,
		"exit 255":     255,
		"kill -9 $$":   128 + 9,
		"kill -HUP $$": 128 + 1,
		"nosuchthing":  127,
	} {
		t.Run(ending, func(t *testing.T) {
			s := open(t, startAgent(t, script(ending)), terminal.AttachRequest{})
			if got := s.untilExit(); got != want {
				t.Errorf("exit code %d, want %d", got, want)
			}
		})
	}
}

// A process that the shell left behind keeps the pseudo-terminal open.
func TestExitWithProcessLeftBehind(t *testing.T) {
	for name, command := range map[string]string{
		"quiet": "trap '' HUP; sleep 60 & echo last words",
		"loud":  "trap '' HUP; timeout 5 yes & echo last words",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, startAgent(t, script(command)), terminal.AttachRequest{})
			begun := time.Now()
			s.untilExit()
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("exit was told after %s", took)
			}
			if !bytes.Contains(s.output.Bytes(), []byte("last words")) {
				t.Errorf("output %q lacks the last words", s.tail())
			}
		})
	}
}

func TestRespawn(t *testing.T) {
	dial := startAgent(t, script("echo hello; read line; echo bye $line; exit 5"))
	first := open(t, dial, terminal.AttachRequest{})
	first.untilOutput("hello\r\n")
	first.conn.Close()

	// The shell survives, and who comes back gets what was missed: the end.
	other := open(t, dial, terminal.AttachRequest{})
	if other.attached.Epoch != first.attached.Epoch {
		t.Fatalf("epoch %s became %s without an exit", first.attached.Epoch, other.attached.Epoch)
	}
	other.typeIn("world\n")
	if got := other.untilExit(); got != 5 {
		t.Errorf("exit code %d, want 5", got)
	}
	again := open(t, dial, terminal.AttachRequest{Epoch: first.attached.Epoch, Offset: first.next})
	if again.attached.Epoch != first.attached.Epoch || again.attached.Offset != first.next || again.attached.Lost != 0 {
		t.Errorf("attached %+v, want the old epoch from %d on", again.attached, first.next)
	}
	if got := again.untilExit(); got != 5 {
		t.Errorf("exit code %d, want 5", got)
	}
	if got, want := again.output.String(), "world\r\nbye world\r\n"; got != want {
		t.Errorf("missed output %q, want %q", got, want)
	}

	// Who has missed nothing gets a new shell, with whatever epoch.
	for _, request := range []terminal.AttachRequest{
		{Epoch: again.attached.Epoch, Offset: again.next},
		{},
	} {
		s := open(t, dial, request)
		if s.attached.Epoch == first.attached.Epoch || s.attached.Offset != 0 {
			t.Errorf("attached %+v, want a new epoch", s.attached)
		}
		s.untilOutput("hello\r\n")
		s.typeIn("\n")
		s.untilExit()
	}
}

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
func TestNobodyLooks(t *testing.T) {
	progress := filepath.Join(t.TempDir(), "progress")
	cmd := shellCommand("stty -opost; seq 500000; touch " + progress + "; read line")
	shell, err := terminal.Start(cmd, terminal.Options{Name: "main", Hold: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shell.Close)
	viewer, err := shell.Attach(terminal.AttachRequest{Terminal: "main"})
	if err != nil {
		t.Fatal(err)
	}
	viewer.Close()
	eventually(t, "the end of the output", func() bool { _, err := os.Stat(progress); return err == nil })

	viewer, err = shell.Attach(terminal.AttachRequest{Terminal: "main", Epoch: shell.Epoch(), Offset: 0})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	frame, err := viewer.Next(t.Context(), make([]byte, 4096))
	if err != nil {
		t.Fatal(err)
	}
	hello, err := frame.Control()
	if err != nil {
		t.Fatal(err)
	}
	if hello.Lost == 0 || hello.Lost != hello.Offset || hello.Until-hello.Offset > 1<<20 || hello.Until-hello.Offset < 1<<20-4096 {
		t.Errorf("attached %+v, want a ring of 1 MiB and the rest lost", hello)
	}
	frame, err = viewer.Next(t.Context(), make([]byte, 4096))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(frame.Payload), "\n")
	if len(line) != 6 {
		t.Errorf("replay begins with %q, want a whole line", line)
	}
}

func TestLostOutputBeginsWithWholeRune(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	cmd := shellCommand("stty -opost; head -c 1500000 /dev/zero | sed 's/\\x0/€/g'; touch " + done + "; read line")
	shell, err := terminal.Start(cmd, terminal.Options{Name: "main", Hold: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shell.Close)
	eventually(t, "the end of the output", func() bool { _, err := os.Stat(done); return err == nil })
	viewer, err := shell.Attach(terminal.AttachRequest{Terminal: "main"})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	var text []byte
	for len(text) < 1<<18 {
		frame, err := viewer.Next(t.Context(), make([]byte, 1000)) // not a multiple of 3
		if err != nil {
			t.Fatal(err)
		}
		if frame.Kind == terminal.FrameOutput {
			text = append(text, frame.Payload...)
		}
	}
	text = text[:len(text)-len(text)%3]
	if !utf8.Valid(text) || strings.Trim(string(text), "€") != "" {
		t.Errorf("replay begins with % x and is not whole", text[:6])
	}
}

// shellCommand is a shell script for terminal.Start.
func shellCommand(text string) *exec.Cmd {
	return exec.Command("/bin/bash", "-c", text)
}

func TestUTF8AcrossFrames(t *testing.T) {
	s := open(t, startAgent(t, agent.Options{}), terminal.AttachRequest{Cols: 1000, Rows: 50})
	const word = "Grüße 🚀 日本語 "
	s.typeIn("PS1=; PS2=; stty -echo; for i in {1..20000}; do printf '" + word + "'; done; echo '<end''>'\n")
	s.until("<end>", func() bool { return bytes.Contains(s.output.Bytes(), []byte("<end>")) })
	if got := strings.Count(s.output.String(), word); got < 20000 || !utf8.Valid(s.output.Bytes()) {
		t.Errorf("got %d whole words, want 20000", got)
	}
}

func TestTwoViewers(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	a := open(t, dial, terminal.AttachRequest{Cols: 80, Rows: 24})
	a.typeIn("echo from-$((40+2))\n")
	a.until("from-42", func() bool { return bytes.Contains(a.output.Bytes(), []byte("from-42")) })

	b := open(t, dial, terminal.AttachRequest{Cols: 120, Rows: 40})
	b.untilOutput("from-42")
	a.until("b's size", func() bool { return a.size.Cols == 120 && a.size.Rows == 40 })
	b.typeIn("echo both-$((40+2)) $(stty size)\n")
	a.untilOutput("both-42 40 120")
	b.untilOutput("both-42 40 120")
	a.resize(90, 30)
	b.until("a's size", func() bool { return b.size.Cols == 90 && b.size.Rows == 30 })

	// One who leaves takes nothing along.
	a.conn.Close()
	b.typeIn("echo alone-$((40+2))\n")
	b.untilOutput("alone-42")
}

func TestReadOnly(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	student := open(t, dial, terminal.AttachRequest{Cols: 80, Rows: 24})
	watcher := open(t, dial, terminal.AttachRequest{ReadOnly: true, Cols: 33, Rows: 11})
	if watcher.attached.Cols != 80 {
		t.Errorf("a watcher set the size to %d columns", watcher.attached.Cols)
	}
	for _, frame := range []terminal.Frame{
		{Kind: terminal.FrameInput, Payload: []byte("touch evil\n")},
		terminal.ControlFrame(terminal.Control{Type: "resize", Cols: 33, Rows: 11}),
	} {
		if err := watcher.conn.Write(frame); err == nil {
			t.Errorf("a watcher could send %q", frame.Payload)
		}
	}
	student.typeIn("echo seen-$((40+2))\n")
	watcher.untilOutput("seen-42")
}

// Whoever bypasses the client is refused by the agent.
func TestReadOnlyInAgent(t *testing.T) {
	shell, err := terminal.Start(shellCommand("read line; exit 9"), terminal.Options{Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shell.Close)
	viewer, err := shell.Attach(terminal.AttachRequest{Terminal: "main", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	for _, frame := range []terminal.Frame{
		{Kind: terminal.FrameInput, Payload: []byte("\n")},
		terminal.ControlFrame(terminal.Control{Type: "resize", Cols: 33, Rows: 11}),
	} {
		if err := viewer.Handle(frame); !hasCode(err, terminal.CodeInvalid) {
			t.Errorf("%q: got %v, want a refusal", frame.Payload, err)
		}
	}
}

func TestFirehose(t *testing.T) {
	dial := startAgent(t, script("yes 0123456789abcdef0123456789abcdef"))
	fast := open(t, dial, terminal.AttachRequest{})
	slow := open(t, dial, terminal.AttachRequest{})
	slow.lazy = true
	before := heap()

	// A viewer who acknowledges nothing gets a window's worth, and holds nobody up.
	slow.until("the window", func() bool { return slow.next-slow.attached.Offset >= terminal.Window })
	if got := slow.next - slow.attached.Offset; got != terminal.Window {
		t.Errorf("a viewer who acknowledges nothing got %d bytes, want %d", got, terminal.Window)
	}
	drain := func(s *screen, bytes int64) (frames int64) {
		for begin := s.next; s.next < begin+bytes; s.output.Reset() {
			s.must(s.step())
			frames++
		}
		return frames
	}
	const much = 64 << 20
	if frames := drain(fast, much); frames > much/512 {
		t.Errorf("64 MiB came in %d frames, which is too many to be fast", frames)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("64 MiB of output grew the heap by %d KiB", grown>>10)
	}

	// When it is back, it is told what it has lost, and goes on.
	hello := slow.attached
	s := slow
	s.must(s.conn.Ack(s.next))
	s.until("a second attached", func() bool { return s.attached != hello })
	if s.attached.Lost < 32<<20 || s.attached.Epoch != hello.Epoch {
		t.Errorf("attached again with %+v, want most of 64 MiB lost", s.attached)
	}

	// The last viewer's speed is the terminal's.
	fast.conn.Close()
	s.lazy = false
	hello = s.attached
	drain(s, 8<<20)
	if s.attached != hello {
		t.Errorf("the only viewer lost output: %+v", s.attached)
	}
}

// heap returns the bytes that are in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestInterruptUnderFirehose(t *testing.T) {
	s := open(t, startAgent(t, agent.Options{}), terminal.AttachRequest{})
	s.typeIn("PS1='<ready>'\n")
	s.untilOutput("\x1b[?2004h<ready>") // the prompt itself, not its echo
	for range 5 {
		s.typeIn("yes\n")
		begin := s.next
		s.until("output", func() bool { return s.next > begin+4<<20 })
		s.output.Reset()
		begun := time.Now()
		s.typeIn("\x03")
		s.untilOutput("\x1b[?2004h<ready>")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the prompt came %s after Ctrl-C", took)
		}
	}
}

func TestStalledViewerIsSentAway(t *testing.T) {
	shell, err := terminal.Start(shellCommand("yes"), terminal.Options{Name: "main", Stall: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shell.Close)
	viewer, err := shell.Attach(terminal.AttachRequest{Terminal: "main"})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- viewer.Serve(t.Context(), theirs, theirs) }()
	defer ours.Close()
	frames := terminal.NewFrameReader(ours)
	var last terminal.Frame
	for {
		frame, err := frames.Next()
		if err != nil {
			break
		}
		last = frame
	}
	if c, err := last.Control(); err != nil || c.Type != "error" {
		t.Errorf("the last frame is %q, want an error", last.Payload)
	}
	if err := <-served; !hasCode(err, terminal.CodeLimited) {
		t.Errorf("Serve returned %v, want a refusal", err)
	}
}

func TestIdleShellEnds(t *testing.T) {
	dial := startAgent(t, agent.Options{Idle: 200 * time.Millisecond})
	s := open(t, dial, terminal.AttachRequest{})
	s.typeIn("trap '' HUP; sleep 1000 & echo p'id='$!.\n")
	var after string
	s.until("pid", func() bool {
		_, after, _ = strings.Cut(s.output.String(), "pid=")
		return strings.Contains(after, ".")
	})
	number, _, _ := strings.Cut(after, ".")
	pid, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("no process id in %q", s.output.String())
	}
	s.conn.Close()
	eventually(t, "the end of a process of an idle shell that ignores SIGHUP", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	again := open(t, dial, terminal.AttachRequest{Epoch: s.attached.Epoch, Offset: s.next})
	if again.attached.Epoch == s.attached.Epoch {
		// The end of the old shell was still to be told.
		again.untilExit()
	}
}

func TestLimits(t *testing.T) {
	options := agent.Options{Terminals: 2, Viewers: 2}
	dial := startAgent(t, options)
	one := open(t, dial, terminal.AttachRequest{Terminal: "one"})
	open(t, dial, terminal.AttachRequest{Terminal: "two"})
	open(t, dial, terminal.AttachRequest{Terminal: "two"})
	for _, name := range []string{"two", "three"} {
		if _, err := terminal.Attach(t.Context(), dial, terminal.AttachRequest{Terminal: name}); !hasCode(err, terminal.CodeLimited) {
			t.Errorf("attach to %s: got %v, want %s", name, err, terminal.CodeLimited)
		}
	}
	one.typeIn("exit\n")
	one.untilExit()
	open(t, dial, terminal.AttachRequest{Terminal: "three"})
}

// A paste that no program reads ends the viewer, not the agent's memory.
func TestUnreadInput(t *testing.T) {
	dial := startAgent(t, script("stty raw -echo; echo on; sleep 60"))
	s := open(t, dial, terminal.AttachRequest{})
	s.untilOutput("on")
	paste := terminal.Frame{Kind: terminal.FrameInput, Payload: make([]byte, 3<<20)}
	if err := s.conn.Write(paste); err != nil {
		t.Logf("write ended with %v", err)
	}
	if got := s.untilError(); !strings.Contains(got, "does not read") {
		t.Errorf("sent away with %q", got)
	}
	open(t, dial, terminal.AttachRequest{})
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
