package server

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"wheelhouse/labs"
	"wheelhouse/labs/terminal"
)

// getTerminal joins the browser's WebSocket to a terminal on the session's
// workstation. Binary messages are its output and input, text messages are
// terminal.Control. Who may only read the session sees the terminal, and what
// they type and how large their window is goes nowhere.
func (s *Server) getTerminal(c *gin.Context) error {
	ctx, user, id := c.Request.Context(), userOf(c), c.Param("session")
	request, err := attachRequest(c)
	if err != nil {
		return err
	}
	view, err := s.labs.View(ctx, user, id)
	if err != nil {
		return err
	}
	right := labs.Write
	if view.Session.UserID != user.ID {
		right, request.ReadOnly = labs.Read, true
	}
	access, err := s.labs.Access(ctx, user, id, right)
	if err != nil {
		return err
	}
	changed, cancel, err := s.labs.Subscribe(ctx, user, id)
	if err != nil {
		return err
	}
	defer cancel()
	socket, err := s.upgrade(c)
	if err != nil {
		return err
	}
	pump := &pump{socket: socket, readOnly: request.ReadOnly, touch: func() { s.labs.Touch(id) }, attached: make(chan struct{})}
	socket.run(pump.toAgent, func(ctx context.Context) error {
		conn, err := terminal.Attach(ctx, access.Dial, request)
		if err != nil {
			s.logger.Warn("cannot attach to a terminal", "session", id, "err", err)
			return pump.fail(err)
		}
		pump.attach(conn)
		var watching sync.WaitGroup
		watching.Go(func() { s.watchAccess(socket, changed, user, id, right) })
		err = pump.fromAgent(ctx)
		socket.end(err)
		watching.Wait()
		return err
	})
	return nil
}

// watchAccess ends the socket when the session is over, or no longer the
// caller's to see.
func (s *Server) watchAccess(k *socket, changed <-chan struct{}, user *labs.User, id string, right labs.Right) {
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-changed:
		}
		if _, err := s.labs.Access(k.ctx, user, id, right); labs.CodeOf(err) != "" {
			k.end(closeOf(err))
			return
		}
	}
}

func attachRequest(c *gin.Context) (terminal.AttachRequest, error) {
	request := terminal.AttachRequest{Terminal: c.Param("terminal"), Epoch: c.Query("epoch"), Source: c.Query("source")}
	var offset int
	for name, to := range map[string]*int{"offset": &offset, "cols": &request.Cols, "rows": &request.Rows} {
		text, sent := c.GetQuery(name)
		if !sent {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return request, invalid(name + " has to be a number.")
		}
		*to = n
	}
	request.Offset = int64(offset)
	if err := request.Validate(); err != nil {
		return request, &labs.Error{Code: labs.CodeInvalid, Err: err,
			Message: "No terminal can be asked for like that: its name has 1 to 32 lower-case letters, digits and hyphens, it has 2 to 1000 columns and 1 to 500 rows, epoch and offset are what it said of itself before, and source is at most 32 hexadecimal digits."}
	}
	return request, nil
}

// pump joins one WebSocket to one attached terminal. It holds one message of
// each direction at most: what keeps the shell from running ahead is that the
// agent waits for the browser's acknowledgements, which pass through here, and
// what keeps a browser from running ahead is that nothing is read from it while
// the agent takes no more.
type pump struct {
	socket   *socket
	readOnly bool
	touch    func() // the student did something

	attached chan struct{} // closed when conn is set
	conn     *terminal.Conn
}

// attach hands the connection over. It is closed when the socket ends, which
// wakes whoever reads from or writes to it.
func (p *pump) attach(conn *terminal.Conn) {
	p.conn = conn
	context.AfterFunc(p.socket.ctx, func() { conn.Close() })
	close(p.attached)
}

// errNoWorkstation ends a socket whose terminal went away without a word. The
// page comes back and asks for what it missed.
var errNoWorkstation = &closeError{websocket.CloseTryAgainLater, "the workstation does not answer"}

// fail tells the browser in words why there is no terminal.
func (p *pump) fail(err error) error {
	message := "The terminal on the workstation does not answer. It is tried again by itself."
	if refusal, ok := errors.AsType[*terminal.Error](err); ok {
		message = refusal.Message
	}
	if err := p.socket.sendJSON(terminal.Control{Type: "error", Message: message}); err != nil {
		return err
	}
	return errNoWorkstation
}

// fromAgent passes output on until the shell exits (errDone) or either side goes.
func (p *pump) fromAgent(ctx context.Context) error {
	for {
		frame, err := p.conn.Read()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return errDone
		case err != nil:
			return errNoWorkstation
		}
		kind := websocket.BinaryMessage
		if frame.Kind == terminal.FrameControl {
			kind = websocket.TextMessage
		}
		if err := p.socket.send(kind, frame.Payload); err != nil {
			return err
		}
	}
}

// toAgent passes one message of the browser on. Messages come one at a time and
// in order, and so do keystrokes.
func (p *pump) toAgent(kind int, data []byte) error {
	select {
	case <-p.attached:
	case <-p.socket.ctx.Done():
		return context.Cause(p.socket.ctx)
	}
	frame := terminal.Frame{Kind: terminal.FrameControl, Payload: data}
	if kind == websocket.BinaryMessage {
		frame.Kind = terminal.FrameInput
		if !p.readOnly {
			p.touch()
		}
	}
	err := p.conn.Write(frame)
	switch {
	case errors.Is(err, terminal.ErrProtocol) && p.readOnly:
		return nil // nothing but acknowledgements counts
	case errors.Is(err, terminal.ErrProtocol):
		return &closeError{websocket.ClosePolicyViolation, "text messages are resize and ack"}
	case err != nil:
		return errNoWorkstation
	}
	return nil
}
