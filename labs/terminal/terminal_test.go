package terminal_test

import (
	"bytes"
	"strconv"
	"strings"
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
	shell := startShell(t, shellCommand("read line; exit 9"), terminal.Options{})
	viewer := view(t, shell, terminal.AttachRequest{ReadOnly: true})
	for _, frame := range []terminal.Frame{
		{Kind: terminal.FrameInput, Payload: []byte("\n")},
		terminal.ControlFrame(terminal.Control{Type: "resize", Cols: 33, Rows: 11}),
	} {
		if err := viewer.Handle(frame); !hasCode(err, terminal.CodeInvalid) {
			t.Errorf("%q: got %v, want a refusal", frame.Payload, err)
		}
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
	eventually(t, "the end of a process of an idle shell that ignores SIGHUP", func() bool { return gone(pid) })
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
