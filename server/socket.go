package server

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"wheelhouse/labs"
	"wheelhouse/labs/terminal"
)

// Limits of a WebSocket.
const (
	maxMessage   = terminal.MaxFrame // bytes from a browser
	sendTimeout  = 10 * time.Second  // for a browser to take one message
	pingInterval = 20 * time.Second
	pongTimeout  = 45 * time.Second // of silence, then the browser is gone
	closeTimeout = 500 * time.Millisecond

	// maxSockets is how many WebSockets one user may have open: some tabs with
	// some terminals each.
	maxSockets = 24
)

// Close codes that the page acts on. After any other it connects again.
const (
	closeLoggedOut = 4401 // log in first
	closeNotFound  = 4404 // no such session or class, or not the caller's
	closeConflict  = 4409 // the session is not, or no longer, Ready
)

// socket is one WebSocket of a logged-in user. Data messages are written by one
// goroutine, the caller of run; control frames may come from any.
type socket struct {
	conn    *websocket.Conn
	ctx     context.Context // ends with the log-in, the browser or the server
	end     context.CancelCauseFunc
	release func()
}

// upgrade turns the request into a WebSocket; a user with too many of them gets
// 429. The caller has to call run, which closes it.
func (s *Server) upgrade(c *gin.Context) (*socket, error) {
	if !websocket.IsWebSocketUpgrade(c.Request) {
		return nil, errNoUpgrade
	}
	user := userOf(c)
	leave, ok := s.limits.sockets.enter(user.ID)
	if !ok {
		return nil, limited(5*time.Second, "You have too many pages or terminals open. Close some, then try again.")
	}
	s.sockets.Add(1)
	conn, err := s.handshake(c)
	if err != nil {
		leave()
		s.sockets.Done()
		return nil, err
	}
	// The request's own context ends with the handler, as it should.
	ctx, unwatch := s.guard.watch(c.Request.Context(), tokenOf(c), user)
	ctx, end := context.WithCancelCause(ctx)
	conn.SetReadLimit(maxMessage)
	return &socket{conn: conn, ctx: ctx, end: end, release: sync.OnceFunc(func() {
		end(nil)
		unwatch()
		conn.Close()
		leave()
		s.sockets.Done()
	})}, nil
}

// run reads messages, one after the other, into read (nil: they are dropped)
// while write writes, and returns when both have ended. Either ends the other,
// by its error or by returning; so do the log-in's end and the server's. The
// cause decides with which close code the browser is told. From then on nothing
// that it sends counts, and after closeTimeout the connection is cut.
func (k *socket) run(read func(kind int, data []byte) error, write func(ctx context.Context) error) {
	defer k.release()
	var readers sync.WaitGroup
	readers.Go(func() { k.end(k.receive(read)) })
	readers.Go(k.ping)
	var cut *time.Timer
	cutting := make(chan struct{})
	context.AfterFunc(k.ctx, func() {
		cut = time.AfterFunc(closeTimeout, func() { k.conn.NetConn().Close() })
		close(cutting)
	})
	err := write(k.ctx)
	if err == nil {
		err = errDone
	}
	k.end(err)
	k.goodbye(context.Cause(k.ctx))
	readers.Wait() // until the browser has answered, or the cut
	<-cutting
	cut.Stop()
}

func (k *socket) receive(read func(kind int, data []byte) error) error {
	alive := func(string) error { return k.conn.SetReadDeadline(time.Now().Add(pongTimeout)) }
	k.conn.SetPongHandler(alive)
	if err := alive(""); err != nil {
		return err
	}
	for {
		kind, data, err := k.conn.ReadMessage()
		if err != nil {
			return err
		}
		if k.ctx.Err() != nil || read == nil {
			continue
		}
		if err := read(kind, data); err != nil {
			k.end(err) // and read on, so that the goodbye gets through
		}
	}
}

func (k *socket) ping() {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-ticker.C:
			// A ping that finds no room waits for its turn and may be late; the
			// missing pong is what tells.
			k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(sendTimeout))
		}
	}
}

// send writes one data message. Only write, as given to run, may call it.
func (k *socket) send(kind int, data []byte) error {
	if err := k.ctx.Err(); err != nil {
		return context.Cause(k.ctx)
	}
	if err := k.conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return k.conn.WriteMessage(kind, data)
}

func (k *socket) sendJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return k.send(websocket.TextMessage, data)
}

// errDone ends a socket without any trouble.
var errDone = errors.New("done")

// closeError ends a socket with a code of ours.
type closeError struct {
	code   int
	reason string
}

func (e *closeError) Error() string { return e.reason }

// closeOf says how a WebSocket ends after err of package labs.
func closeOf(err error) error {
	switch labs.CodeOf(err) {
	case labs.CodeNotFound, labs.CodeForbidden:
		return &closeError{closeNotFound, "not found"}
	case labs.CodeConflict:
		return &closeError{closeConflict, "not ready"}
	case labs.CodeUnauthorized:
		return errLoggedOut
	}
	return err
}

// goodbye tells the browser why the socket ends. It waits a short while at most.
func (k *socket) goodbye(cause error) {
	code, reason := websocket.CloseInternalServerErr, ""
	if own, ok := errors.AsType[*closeError](cause); ok {
		code, reason = own.code, own.reason
	}
	switch {
	case errors.Is(cause, errDone):
		code = websocket.CloseNormalClosure
	case errors.Is(cause, errLoggedOut):
		code, reason = closeLoggedOut, "logged out"
	case errors.Is(cause, errGoingAway):
		code, reason = websocket.CloseGoingAway, "restarting"
	}
	k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(closeTimeout))
}
