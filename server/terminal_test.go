package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wheelhouse/labs"
	"wheelhouse/labs/terminal"
)

func pid() string { return strconv.Itoa(os.Getpid()) }

// screen is what the page does with a terminal's WebSocket: it keeps the output
// and acknowledges it.
type screen struct {
	t    testing.TB
	conn *websocket.Conn

	mu       sync.Mutex // also of writes
	attached terminal.Control
	controls []terminal.Control
	output   bytes.Buffer
	offset   int64
	silent   bool  // acknowledge nothing
	err      error // how it ended
	done     chan struct{}
}

func newScreen(t testing.TB, conn *websocket.Conn) *screen {
	s := &screen{t: t, conn: conn, done: make(chan struct{})}
	go s.read()
	return s
}

func (s *screen) read() {
	defer close(s.done)
	for {
		kind, data, err := s.conn.ReadMessage()
		s.mu.Lock()
		if err != nil {
			s.err = err
			s.mu.Unlock()
			return
		}
		if kind == websocket.TextMessage {
			var control terminal.Control
			if err := json.Unmarshal(data, &control); err != nil {
				s.t.Errorf("control %q: %v", data, err)
			}
			if control.Type == "attached" {
				s.attached, s.offset = control, control.Offset
			}
			s.controls = append(s.controls, control)
		} else {
			s.output.Write(data)
			s.offset += int64(len(data))
			if !s.silent {
				s.write(terminal.Control{Type: "ack", Offset: s.offset})
			}
		}
		s.mu.Unlock()
	}
}

// write sends a control message. The caller holds the lock.
func (s *screen) write(c terminal.Control) { s.conn.WriteJSON(c) }

func (s *screen) control(c terminal.Control) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(c)
}

func (s *screen) send(keys string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.WriteMessage(websocket.BinaryMessage, []byte(keys)); err != nil {
		s.t.Errorf("send: %v", err)
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// until waits until the output holds text.
func (s *screen) until(text string) {
	s.t.Helper()
	s.wait("output "+strconv.Quote(text), func() bool { return strings.Contains(s.output.String(), text) })
}

// wait waits for a condition, which is asked with the lock held.
func (s *screen) wait(what string, is func() bool) {
	s.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		s.mu.Lock()
		ok, got, err := is(), s.output.String(), s.err
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-deadline:
			s.t.Fatalf("%s: not within 15 s; error %v, the last of the output: %q", what, err, got[max(0, len(got)-300):])
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// closed waits until the socket has ended, and returns the close code.
func (s *screen) closed(within time.Duration) int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(within):
		s.t.Fatalf("the socket is still open after %s", within)
	}
	if end, ok := errors.AsType[*websocket.CloseError](s.err); ok {
		return end.Code
	}
	return 0
}

// TestTerminal types into a real shell through the whole way: WebSocket, pump,
// agent, pty.
func TestTerminal(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	path := "/api/sessions/" + ann.open("pods") + "/terminals/main"

	first := newScreen(t, ann.socket(path+"?cols=100&rows=30"))
	first.wait("attached", func() bool { return first.attached.Type == "attached" })
	if got := first.attached; got.Cols != 100 || got.Rows != 30 || got.Epoch == "" || got.Terminal != "main" {
		t.Errorf("got %+v, want terminal main of 100 x 30", got)
	}
	first.send("stty -echo; echo ready-$((40+2))\n")
	first.until("ready-42")

	// A second tab sees the same, resizes it for both, and comes back where it was.
	second := newScreen(t, ann.socket(path))
	second.until("ready-42")
	second.control(terminal.Control{Type: "resize", Cols: 81, Rows: 25})
	first.wait("the new size", func() bool {
		last := first.controls[len(first.controls)-1]
		return last.Type == "size" && last.Cols == 81 && last.Rows == 25
	})
	first.mu.Lock()
	back := fmt.Sprintf("%s?epoch=%s&offset=%d", path, first.attached.Epoch, first.offset)
	first.mu.Unlock()
	first.conn.Close()
	second.send("echo after-$((40+3))\n")
	second.until("after-43")
	third := newScreen(t, ann.socket(back))
	third.until("after-43")
	if strings.Contains(third.text(), "ready-42") {
		t.Errorf("output that the page had came again: %q", third.text())
	}

	// Keystrokes sent one by one keep their order.
	want := strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789", 20)
	third.send("cat >/dev/null <<'EOF' && echo got-it\n")
	for _, key := range want[:700] {
		third.send(string(key))
	}
	third.send("\nEOF\nread x; echo \"<$x>\"\n")
	for _, key := range want {
		third.send(string(key))
	}
	third.send("\n")
	third.until("<" + want + ">")

	third.send("exit 7\n")
	third.wait("exit", func() bool {
		last := third.controls[len(third.controls)-1]
		return last.Type == "exit" && last.ExitCode == 7
	})
	if got := third.closed(5 * time.Second); got != websocket.CloseNormalClosure {
		t.Errorf("after exit: got close code %d, want %d", got, websocket.CloseNormalClosure)
	}
}

// TestTerminalFlow has a browser that acknowledges nothing while the shell
// writes without end: it gets no more than the window, and Ctrl-C answers.
func TestTerminalFlow(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	s := newScreen(t, ann.socket("/api/sessions/"+ann.open("pods")+"/terminals/main"))
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	s.send("yes 0123456789abcdef; echo stopped-$((40+4))\n")
	var last int64
	still := 0
	s.wait("output stops at the window", func() bool {
		if s.offset == last && s.offset > terminal.Window/2 {
			still++
		} else {
			still, last = 0, s.offset
		}
		return still > 100
	})
	if last > terminal.Window+terminal.MaxFrame {
		t.Errorf("got %d bytes without an acknowledgement, want at most %d and a frame", last, terminal.Window)
	}
	s.mu.Lock()
	s.silent = false
	s.write(terminal.Control{Type: "ack", Offset: s.offset})
	s.mu.Unlock()
	s.send("\x03")
	start := time.Now()
	s.send("echo stopped-$((40+4))\n")
	s.until("stopped-44")
	t.Logf("Ctrl-C under yes: prompt after %s and %d bytes", time.Since(start).Round(time.Millisecond), s.offset)
}

// TestTerminalWatched lets the instructor look: what she types goes nowhere.
func TestTerminalWatched(t *testing.T) {
	s := newSchool(t)
	path := "/api/sessions/" + s.session + "/terminals/main"
	ann := newScreen(t, s.ann.socket(path+"?cols=90&rows=30"))
	ann.send("stty -echo; echo hello-$((40+5))\n")
	ann.until("hello-45")
	ida := newScreen(t, s.ida.socket(path+"?cols=20&rows=5"))
	ida.until("hello-45")
	ida.send("echo from-the-instructor\n")
	ida.control(terminal.Control{Type: "resize", Cols: 10, Rows: 3})
	ida.conn.WriteMessage(websocket.TextMessage, []byte("no json"))
	ann.send("echo size-$(stty size | tr ' ' x)\n")
	ann.until("size-30x90")
	ida.until("size-30x90")
	if strings.Contains(ann.text(), "from-the-instructor") {
		t.Error("what the instructor typed reached the student's shell")
	}
}

// TestTerminalMisuse sends what no page of ours sends.
func TestTerminalMisuse(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	path := "/api/sessions/" + ann.open("pods") + "/terminals/"
	for _, try := range []struct {
		name string
		kind int
		data []byte
		want int
	}{
		{"no JSON", websocket.TextMessage, []byte("hello"), websocket.ClosePolicyViolation},
		{"the agent's words", websocket.TextMessage, []byte(`{"type":"exit"}`), websocket.ClosePolicyViolation},
		{"an impossible size", websocket.TextMessage, []byte(`{"type":"resize","cols":100000,"rows":1}`), websocket.ClosePolicyViolation},
		{"a negative offset", websocket.TextMessage, []byte(`{"type":"ack","offset":-1}`), websocket.ClosePolicyViolation},
		{"a huge message", websocket.BinaryMessage, make([]byte, 1<<20), websocket.CloseMessageTooBig},
	} {
		s := newScreen(t, ann.socket(path+"main"))
		s.wait("attached", func() bool { return s.attached.Type == "attached" })
		s.conn.WriteMessage(try.kind, try.data)
		if got := s.closed(10 * time.Second); got != try.want && got != 0 {
			t.Errorf("%s: got close code %d, want %d", try.name, got, try.want)
		}
	}
	for _, bad := range []string{"Main", "a%2fb", "..%2f..%2frun", strings.Repeat("a", 33), "main?cols=1&rows=1", "main?offset=-1", "main?offset=x", "main?epoch=zz"} {
		conn, refused := ann.dial(path + bad)
		if conn != nil || refused.StatusCode != 422 && refused.StatusCode != 404 {
			t.Errorf("terminal %s: got %+v, want a refusal", bad, refused)
		}
	}
}
