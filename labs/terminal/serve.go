package terminal

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Serve speaks the protocol with the viewer's peer on conn, until the peer
// leaves, breaks the protocol or stalls, the shell is over, or ctx ends. It
// blocks, and closes the viewer and conn. received is what to read from: conn,
// or a reader that holds bytes which were read from conn before. The error says
// why it ended: nil after exit and io.EOF when the peer left.
func (v *Viewer) Serve(ctx context.Context, conn net.Conn, received io.Reader) error {
	defer v.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(v.receive(received))
	}()
	err := v.send(ctx, conn)
	if refusal := farewellTo(err); refusal != "" {
		conn.SetWriteDeadline(time.Now().Add(farewell))
		_, _ = conn.Write(AppendFrame(nil, ControlFrame(Control{Type: "error", Message: refusal, Refused: errors.Is(err, errNotReading)})))
	}
	linger(conn, received, read)
	cancel(nil)
	return err
}

// linger closes conn in such a way that the peer gets what was sent, even while
// it is sending itself: it has until the end of read, or a little time, to see
// that nothing more comes and to close.
func linger(conn net.Conn, received io.Reader, read <-chan struct{}) {
	defer conn.Close()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		conn.Close()
	}
	conn.SetReadDeadline(time.Now().Add(farewell))
	<-read
	_, _ = io.Copy(io.Discard, received)
}

// receive handles what the peer sends until that fails.
func (v *Viewer) receive(r io.Reader) error {
	frames := NewFrameReader(r)
	for {
		frame, err := frames.Next()
		if err != nil {
			return err
		}
		if err := v.Handle(frame); err != nil {
			return err
		}
	}
}

// send sends the viewer's frames until exit or failure.
func (v *Viewer) send(ctx context.Context, conn net.Conn) error {
	// Output is put where AppendFrame would copy it to.
	buf := make([]byte, headerSize+MaxFrame)
	for {
		frame, err := v.Next(ctx, buf[headerSize:])
		if errors.Is(err, io.EOF) && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
		wire := AppendFrame(buf[:0], frame)
		conn.SetWriteDeadline(time.Now().Add(v.terminal.options.Stall))
		if _, err := conn.Write(wire); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
}

// farewellTo returns what a peer is told at the end, "" for nothing.
func farewellTo(err error) string {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal.Message
	}
	switch {
	case errors.Is(err, ErrProtocol), errors.Is(err, errNotReading):
		return err.Error()
	case errors.Is(err, context.Canceled):
		return "the workstation is being shut down"
	}
	return ""
}
