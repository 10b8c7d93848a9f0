package terminal_test

import (
	"testing"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

// TestOneViewerAnswers follows whose screen answers the queries in a terminal's
// output: one of them at any offset.
func TestOneViewerAnswers(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	a := open(t, dial, terminal.AttachRequest{Cols: 80, Rows: 24})
	b := open(t, dial, terminal.AttachRequest{Cols: 80, Rows: 24})
	watcher := open(t, dial, terminal.AttachRequest{ReadOnly: true})
	c := open(t, dial, terminal.AttachRequest{Cols: 80, Rows: 24})
	if !watcher.attached.Muted || a.attached.Muted || b.attached.Muted || c.attached.Muted {
		t.Errorf("muted at the start: a %t, b %t, watcher %t, c %t; want the watcher alone",
			a.attached.Muted, b.attached.Muted, watcher.attached.Muted, c.attached.Muted)
	}
	for _, s := range []*screen{a, b} {
		s.until("muted", func() bool { return s.size.Muted })
	}

	// Who types answers.
	a.typeIn("echo first-$((40+2))\n")
	a.until("a answers", func() bool { return !a.size.Muted })
	c.until("c is muted", func() bool { return c.size.Muted })
	if a.size.Offset != c.size.Offset || a.size.Offset < a.next {
		t.Errorf("a answers from %d on, c until %d, and a has got %d bytes already; want one offset, of what is to come", a.size.Offset, c.size.Offset, a.next)
	}
	a.untilOutput("first-42")

	// When it leaves, the one who was active last before does.
	a.conn.Close()
	c.until("c answers", func() bool { return !c.size.Muted })
	c.conn.Close()
	b.until("b answers", func() bool { return !b.size.Muted })
}

// TestSizeComesBack has a small window come and go beside a large one.
func TestSizeComesBack(t *testing.T) {
	dial := startAgent(t, agent.Options{})
	large := open(t, dial, terminal.AttachRequest{Cols: 160, Rows: 50})
	small := open(t, dial, terminal.AttachRequest{Cols: 40, Rows: 10})
	watcher := open(t, dial, terminal.AttachRequest{ReadOnly: true, Cols: 200, Rows: 60})
	large.until("the small size", func() bool { return large.size.Cols == 40 })
	small.resize(50, 12)
	large.until("the other small size", func() bool { return large.size.Cols == 50 })

	small.conn.Close()
	large.until("its own size", func() bool { return large.size.Cols == 160 && large.size.Rows == 50 })
	watcher.until("the large size", func() bool { return watcher.size.Cols == 160 })
	large.typeIn("stty size\n")
	large.untilOutput("50 160")

	// One who leaves and did not set the size leaves it alone.
	other := open(t, dial, terminal.AttachRequest{Cols: 90, Rows: 30})
	large.until("the other's size", func() bool { return large.size.Cols == 90 })
	large.resize(150, 48)
	other.until("the large one's new size", func() bool { return other.size.Cols == 150 })
	other.conn.Close()
	large.typeIn("echo size-$(stty size)\n")
	large.untilOutput("size-48 150")
}
