package terminal

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/creack/pty"
)

// AttachRequest says which terminal to show, and from where on.
type AttachRequest struct {
	Terminal   string // its name: see ValidName
	Epoch      string // of the shell that the viewer knows; empty when it knows none
	Offset     int64  // of the first byte that the viewer has not got, in that epoch
	Source     string // names who types, over all of their connections; empty: their input is not counted
	Cols, Rows int    // of the viewer's screen; 0 leaves the terminal's size alone
	ReadOnly   bool   // input and resize are refused
}

// Validate tells what is wrong with the request, as an *Error.
func (r AttachRequest) Validate() error {
	switch {
	case !ValidName(r.Terminal):
		return &Error{CodeInvalid, "a terminal's name is 1 to 32 lower-case letters, digits and hyphens"}
	case !validEpoch(r.Epoch):
		return &Error{CodeInvalid, "an epoch is at most 32 hexadecimal digits"}
	case !validEpoch(r.Source):
		return &Error{CodeInvalid, "a source is at most 32 hexadecimal digits"}
	case r.Offset < 0:
		return &Error{CodeInvalid, "an offset is not negative"}
	case (r.Cols != 0 || r.Rows != 0) && !validSize(r.Cols, r.Rows):
		return &Error{CodeInvalid, fmt.Sprintf("a terminal has 2 to 1000 columns and 1 to 500 rows, not %d and %d", r.Cols, r.Rows)}
	}
	return nil
}

// Viewer is one who looks at a Terminal. Next is for one goroutine, Handle for
// another.
type Viewer struct {
	terminal *Terminal
	readOnly bool
	source   string        // of its input; empty where that is not counted
	wake     chan struct{} // of capacity 1

	// What follows is guarded by the terminal's mu.
	sent, acked int64  // offsets of output
	told, until int64  // offsets of the attached that is to be sent, where hello is set
	lost        int64  // what that attached tells
	hello       bool   // an attached comes next,
	restored    []byte // and then what brings its screen to where the ring begins
	typed       int64  // bytes of its source's input that are taken,
	typedTold   int64  // and how many of them it knows of
	paused      bool   // too much is unacknowledged
	ackedAt     time.Time
	cols, rows  int         // that the viewer knows of
	own         pty.Winsize // of the viewer's screen; zero where it is not known
	turn        int64       // grows with the terminal's turns: who was active last
	muted       bool        // another viewer's screen answers queries
	mutedAt     int64       // from this offset of the output on, or no longer,
	mutedTold   bool        // and what the viewer knows of that
	ended       bool
	left        bool
}

// Attach adds a viewer, who has to be closed. The first frame it gets is
// attached, then come the output from the request's offset on, or from the
// oldest that is kept, and what is new. The errors are *Error or ErrExited.
func (t *Terminal) Attach(request AttachRequest) (*Viewer, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	known := request.Epoch == t.epoch && request.Offset <= t.ring.end
	if t.over && t.looked && !(known && request.Offset < t.ring.end) {
		return nil, ErrExited
	}
	if len(t.viewers) >= t.options.Viewers {
		return nil, &Error{CodeLimited, fmt.Sprintf("this terminal is open %d times already; close one of its tabs", len(t.viewers))}
	}
	v := &Viewer{terminal: t, readOnly: request.ReadOnly, muted: request.ReadOnly, wake: make(chan struct{}, 1)}
	if request.Cols != 0 && !request.ReadOnly {
		v.own = winsize(request.Cols, request.Rows)
		if err := t.resize(v.own); err != nil {
			return nil, &Error{CodeUnavailable, "the terminal did not take its new size: " + err.Error()}
		}
	}
	if request.Source != "" && !request.ReadOnly {
		v.source = request.Source
		v.typed = t.listenTo(v)
	}
	from := request.Offset
	if !known {
		from = 0
	}
	v.jump(from, t.ring.start())
	t.viewers[v] = struct{}{}
	t.activate(v)
	t.looked = true
	if t.idle != nil {
		t.idle.Stop()
	}
	signal(t.room)
	return v, nil
}

// jump lets the viewer go on at offset from, or at oldest or soon after where that is
// later, and has it told so. In the second case it gets first what brings its screen to
// that point, which counts as the output before. The caller holds the terminal's mu.
func (v *Viewer) jump(from, oldest int64) {
	t := v.terminal
	at := from
	v.restored = nil
	if from < oldest {
		v.restored, at = t.past.restore(&t.ring, oldest, t.cols, t.rows)
	}
	v.lost = at - from
	at -= int64(len(v.restored))
	v.hello, v.told, v.until = true, at, t.ring.end
	v.sent, v.acked, v.paused = at, at, false
}

// Close lets the viewer leave. The terminal stays.
func (v *Viewer) Close() {
	t := v.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if v.left {
		return
	}
	v.left = true
	delete(t.viewers, v)
	t.succeed(v)
	if len(t.viewers) == 0 && !t.over {
		t.held, t.holdUntil = v.acked, time.Now().Add(t.options.Hold)
		t.restartIdle()
	}
	signal(t.room)
}

// Next blocks until there is a frame for the viewer. It puts output into buf,
// so a frame is valid until the next call; buf must not be empty. After exit
// the error is io.EOF. A viewer who stalls gets an *Error.
func (v *Viewer) Next(ctx context.Context, buf []byte) (Frame, error) {
	buf = buf[:min(len(buf), MaxFrame)]
	for {
		frame, patience, err := v.next(buf)
		if err != nil || frame.Kind != 0 {
			return frame, err
		}
		if err := v.wait(ctx, patience); err != nil {
			return Frame{}, err
		}
	}
}

// wait blocks until the viewer is woken, or for patience where that is not 0.
func (v *Viewer) wait(ctx context.Context, patience time.Duration) error {
	var late <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-v.wake:
	case <-late:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// next returns the frame that is due. Where none is, its Kind is 0, and
// patience says after what time to look again even without being woken.
func (v *Viewer) next(buf []byte) (frame Frame, patience time.Duration, err error) {
	t := v.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if v.ended {
		return frame, 0, io.EOF
	}
	if !v.paused && v.sent+int64(len(v.restored)) < t.ring.start() {
		// Whoever is that slow would soon lose the oldest again.
		v.jump(v.sent, t.ring.end-t.ring.size/4)
	}
	switch {
	case v.hello:
		v.hello, v.typedTold = false, v.typed
		v.cols, v.rows, v.mutedTold = t.cols, t.rows, v.muted
		return ControlFrame(Control{
			Type: "attached", Terminal: t.options.Name, Epoch: t.epoch,
			Offset: v.told, Until: v.until, Lost: v.lost, Source: v.source, Typed: v.typed, Cols: v.cols, Rows: v.rows, Muted: v.muted,
		}), 0, nil
	case v.typed-v.typedTold >= typedEvery:
		v.typedTold = v.typed
		return ControlFrame(Control{Type: "typed", Offset: v.typed}), 0, nil
	case v.cols != t.cols || v.rows != t.rows || v.muted != v.mutedTold:
		v.cols, v.rows, v.mutedTold = t.cols, t.rows, v.muted
		return ControlFrame(Control{Type: "size", Cols: v.cols, Rows: v.rows, Muted: v.muted, Offset: v.mutedAt}), 0, nil
	case v.paused:
		if patience = t.options.Stall - time.Since(v.ackedAt); patience <= 0 {
			return frame, 0, &Error{CodeLimited, "this terminal was closed because the page stopped showing its output; reload the page"}
		}
		return frame, patience, nil
	case len(v.restored) > 0 || v.sent < t.ring.end:
		return v.output(buf), 0, nil
	case t.over:
		v.ended = true
		return ControlFrame(Control{Type: "exit", ExitCode: t.exitCode}), 0, nil
	}
	return frame, 0, nil
}

// output takes the next output into buf. The caller holds the terminal's mu.
func (v *Viewer) output(buf []byte) Frame {
	t := v.terminal
	buf = buf[:min(int64(len(buf)), v.acked+Window-v.sent)]
	var n int
	if len(v.restored) > 0 {
		n = copy(buf, v.restored)
		v.restored = v.restored[n:]
	} else {
		n = t.ring.copyFrom(buf, v.sent)
	}
	v.sent += int64(n)
	if v.sent-v.acked >= Window {
		v.paused, v.ackedAt = true, time.Now()
	}
	signal(t.room)
	return Frame{Kind: FrameOutput, Payload: buf[:n]}
}

// Handle does what a frame from the viewer asks for. It does not block. An
// error, ErrProtocol or an *Error, means that the viewer has to go.
func (v *Viewer) Handle(frame Frame) error {
	switch frame.Kind {
	case FrameInput:
		if v.readOnly {
			return errReadOnly
		}
		return v.typeIn(frame.Payload)
	case FrameControl:
		c, err := frame.Control()
		if err != nil {
			return err
		}
		if err := c.fromViewer(); err != nil {
			return err
		}
		if c.Type == "ack" {
			return v.ack(c.Offset)
		}
		if v.readOnly {
			return errReadOnly
		}
		return v.resize(c.Cols, c.Rows)
	}
	return fmt.Errorf("%w: a viewer sent a frame of kind %q", ErrProtocol, frame.Kind)
}

// resize gives the terminal the size of the viewer's screen.
func (v *Viewer) resize(cols, rows int) error {
	t := v.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	v.own = winsize(cols, rows)
	t.turns++
	v.turn = t.turns
	return t.resize(v.own)
}

// typeIn types for the viewer, and lets it know now and then how much of its
// input is taken.
func (v *Viewer) typeIn(input []byte) error {
	t := v.terminal
	taken, err := t.typeIn(v, input)
	if err != nil || v.source == "" {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	v.typed = taken
	if v.typed-v.typedTold >= typedEvery {
		signal(v.wake)
	}
	return nil
}

var errReadOnly = &Error{CodeInvalid, "this terminal is only shown here; it takes no input"}

// ack notes that the viewer has shown all output before offset.
func (v *Viewer) ack(offset int64) error {
	t := v.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if offset > v.sent {
		return fmt.Errorf("%w: output acknowledged up to %d, but only sent up to %d", ErrProtocol, offset, v.sent)
	}
	if offset <= v.acked {
		return nil // late, from before a jump
	}
	v.acked, v.ackedAt = offset, time.Now()
	if v.paused && v.sent-v.acked <= resumeAt {
		v.paused = false
		signal(v.wake)
	}
	return nil
}
