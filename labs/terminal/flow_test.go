package terminal_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

func TestFirehose(t *testing.T) {
	dial := startAgent(t, script("yes 0123456789abcdef0123456789abcdef"))
	fast := open(t, dial, terminal.AttachRequest{})
	slow := open(t, dial, terminal.AttachRequest{})
	slow.lazy = true
	before := heap()

	// A viewer who acknowledges nothing gets a window's worth, and holds up no other viewer.
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
	shell := startShell(t, shellCommand("yes"), terminal.Options{Stall: 50 * time.Millisecond})
	viewer := view(t, shell, terminal.AttachRequest{})
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

// One terminal leaves processor time to the others.
func TestFullSpeed(t *testing.T) {
	s := open(t, startAgent(t, script("stty -opost; exec cat /dev/zero")), terminal.AttachRequest{})
	const amount = 42 << 20
	begun := time.Now()
	for ; s.next < amount; s.output.Reset() {
		s.must(s.step())
	}
	if took := time.Since(begun); took < 450*time.Millisecond {
		t.Errorf("42 MiB came in %s, faster than 84 MiB a second", took)
	}
}
