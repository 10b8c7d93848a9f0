package terminal

import "github.com/creack/pty"

// activate notes that a viewer attached or typed: its screen answers the queries
// in the output from now on. The caller holds mu.
func (t *Terminal) activate(v *Viewer) {
	if v.readOnly || v.left {
		return
	}
	t.turns++
	v.turn = t.turns
	if t.answering == v {
		return
	}
	if t.answering != nil {
		t.answering.mute(true)
	}
	t.answering = v
	v.mute(false)
}

// mute says whether the screens of others answer for the viewer, from the end of
// the output on. The caller holds the terminal's mu.
func (v *Viewer) mute(muted bool) {
	if v.muted == muted {
		return
	}
	v.muted, v.mutedAt = muted, v.terminal.ring.end
	signal(v.wake)
}

// succeed gives what a viewer who has left had to the one who was active last
// before: the answers to queries, and the size of the terminal. The caller holds mu.
func (t *Terminal) succeed(left *Viewer) {
	var heir, sized *Viewer
	for v := range t.viewers {
		if !v.readOnly && (heir == nil || v.turn > heir.turn) {
			heir = v
		}
		if v.own != (pty.Winsize{}) && (sized == nil || v.turn > sized.turn) {
			sized = v
		}
	}
	if t.answering == left {
		t.answering = heir
		if heir != nil {
			heir.mute(false)
		}
	}
	if sized != nil && left.own == winsize(t.cols, t.rows) {
		_ = t.resize(sized.own) // a shell that is gone takes no size
	}
}
