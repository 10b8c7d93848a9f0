package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// agentPatience is for how long an agent may take for the rest of a frame that it
// began to send, or to take a frame, before its connection is given up.
const agentPatience = 30 * time.Second

// Conn is a viewer's connection to a terminal, on the server's side. It trusts
// the agent with nothing but the output's bytes. Read is for one goroutine;
// Write and Close are for any.
//
// A peer that has messages, such as a browser's WebSocket, is joined to a Conn
// by two loops. One passes on what Read returns, output as binary messages and
// the rest as text, and closes the socket at the first error. The other passes
// messages to Write, binary ones as FrameInput and text as FrameControl, and
// closes the Conn when the socket ends or Write returns ErrProtocol, which is
// the browser's fault. Nothing is queued between them: a browser that reads
// slowly slows the first loop, and with it its own terminal only. The example of
// Attach shows both.
type Conn struct {
	stream   io.ReadWriteCloser
	frames   *FrameReader
	readOnly bool
	greeted  bool
	over     bool

	writing sync.Mutex
	wire    []byte

	slowRead, slowWrite *watchdog
}

// Attach opens a terminal, started first where there is none of that name or its
// shell is over. It blocks until the agent has answered, for 15 s at most; the
// end of ctx after that changes nothing. The errors are *Error, ErrProtocol, or
// what dial returned. The first frame to Read is attached.
func Attach(ctx context.Context, dial Dialer, request AttachRequest) (*Conn, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	query := url.Values{}
	query.Set("epoch", request.Epoch)
	query.Set("offset", strconv.FormatInt(request.Offset, 10))
	query.Set("source", request.Source)
	query.Set("cols", strconv.Itoa(request.Cols))
	query.Set("rows", strconv.Itoa(request.Rows))
	query.Set("readOnly", strconv.FormatBool(request.ReadOnly))
	upgrade, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://workstation/terminals/"+request.Terminal+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	upgrade.Header.Set("Connection", "Upgrade")
	upgrade.Header.Set("Upgrade", Protocol)
	response, err := roundTrip(ctx, dial, upgrade, http.StatusSwitchingProtocols)
	if err != nil {
		return nil, err
	}
	stream, ok := response.Body.(io.ReadWriteCloser)
	if !ok || response.Header.Get("Upgrade") != Protocol {
		response.Body.Close()
		return nil, fmt.Errorf("%w: the workstation's agent switched to %q", ErrProtocol, printable(response.Header.Get("Upgrade")))
	}
	conn := &Conn{
		stream:    stream,
		frames:    NewFrameReader(stream),
		readOnly:  request.ReadOnly,
		slowRead:  newWatchdog(stream),
		slowWrite: newWatchdog(stream),
	}
	conn.frames.begun, conn.frames.ended = conn.slowRead.start, conn.slowRead.stop
	return conn, nil
}

// Read blocks until there is a frame: output, or attached, size, exit or error,
// checked and free of anything else. The payload is valid until the next call.
// After exit and error the error is io.EOF, without them io.ErrUnexpectedEOF or
// another one.
func (c *Conn) Read() (Frame, error) {
	if c.over {
		return Frame{}, io.EOF
	}
	frame, err := c.frames.Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, c.slowRead.explain(fmt.Errorf("read from the workstation's agent: %w", err))
	}
	switch frame.Kind {
	case FrameOutput:
		if !c.greeted {
			return Frame{}, fmt.Errorf("%w: output before attached", ErrProtocol)
		}
		return frame, nil
	case FrameControl:
		control, err := frame.Control()
		if err != nil {
			return Frame{}, err
		}
		if control, err = control.fromAgent(); err != nil {
			return Frame{}, err
		}
		if !c.greeted && control.Type != "attached" && control.Type != "error" {
			return Frame{}, fmt.Errorf("%w: %s before attached", ErrProtocol, control.Type)
		}
		c.greeted = true
		c.over = control.Type == "exit" || control.Type == "error"
		return ControlFrame(control), nil
	}
	return Frame{}, fmt.Errorf("%w: the agent sent a frame of kind %q", ErrProtocol, frame.Kind)
}

// Write sends input, of any length, or a control message of a viewer's. It
// blocks while the agent takes nothing, for 30 s at most. What does not come
// from a viewer, and input or resize where the viewer is read-only, is
// ErrProtocol and is not sent; the connection stays usable.
func (c *Conn) Write(frame Frame) error {
	switch frame.Kind {
	case FrameInput:
	case FrameControl:
		control, err := frame.Control()
		if err != nil {
			return err
		}
		if err := control.fromViewer(); err != nil {
			return err
		}
		if control.Type == "ack" {
			return c.send(ControlFrame(Control{Type: "ack", Offset: control.Offset}))
		}
		frame = ControlFrame(Control{Type: "resize", Cols: control.Cols, Rows: control.Rows})
	default:
		return fmt.Errorf("%w: a viewer sent a frame of kind %q", ErrProtocol, frame.Kind)
	}
	if c.readOnly {
		return fmt.Errorf("%w: %w", ErrProtocol, errReadOnly)
	}
	return c.send(frame)
}

// send sends a frame, in several where its payload is too long for one.
func (c *Conn) send(frame Frame) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	for rest := frame.Payload; ; {
		n := min(len(rest), MaxFrame)
		c.wire = AppendFrame(c.wire[:0], Frame{Kind: frame.Kind, Payload: rest[:n]})
		c.slowWrite.start()
		_, err := c.stream.Write(c.wire)
		c.slowWrite.stop()
		if err != nil {
			return c.slowWrite.explain(fmt.Errorf("write to the workstation's agent: %w", err))
		}
		if rest = rest[n:]; len(rest) == 0 {
			return nil
		}
	}
}

// Ack tells the agent that all output before offset has been shown.
func (c *Conn) Ack(offset int64) error {
	return c.Write(ControlFrame(Control{Type: "ack", Offset: offset}))
}

// Close ends the connection. The terminal stays. Read and Write that block
// return.
func (c *Conn) Close() error { return c.stream.Close() }

// watchdog closes a stream that takes too long. Deadlines would do the same, but
// not every Dialer's connection has them.
type watchdog struct {
	timer  *time.Timer
	bitten atomic.Bool
}

func newWatchdog(stream io.Closer) *watchdog {
	w := &watchdog{}
	w.timer = time.AfterFunc(agentPatience, func() {
		w.bitten.Store(true)
		stream.Close()
	})
	w.timer.Stop()
	return w
}

func (w *watchdog) start() { w.timer.Reset(agentPatience) }
func (w *watchdog) stop()  { w.timer.Stop() }

// explain returns err, or that time ran out where that is its cause.
func (w *watchdog) explain(err error) error {
	if w.bitten.Load() {
		return fmt.Errorf("the workstation's agent did not answer for %s: %w", agentPatience, context.DeadlineExceeded)
	}
	return err
}
