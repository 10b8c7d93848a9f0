package server

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
)

// The shortest times between two views of one socket. What changes in between
// is in the next one. The first change after a quiet time goes out at once.
const (
	sessionGap = 50 * time.Millisecond
	classGap   = time.Second
)

// eventJSON is the events socket's message: always the whole view.
type eventJSON struct {
	Type string `json:"type"` // session, class
	Data any    `json:"data"`
}

// getEvents sends the whole view of one session or one class at connect and
// after each change. The browser sends nothing.
func (s *Server) getEvents(c *gin.Context) error {
	ctx, user := c.Request.Context(), userOf(c)
	session, class := c.Query("session"), c.Query("class")
	if (session == "") == (class == "") {
		return invalid("Name either a session or a class, as in /api/events?session=ID.")
	}
	subscribe, id, gap := s.labs.Subscribe, session, sessionGap
	look := func(ctx context.Context) (any, error) {
		view, err := s.labs.View(ctx, user, session)
		if err != nil {
			return nil, err
		}
		return eventJSON{"session", s.session(view, false)}, nil
	}
	if class != "" {
		subscribe, id, gap = s.labs.SubscribeClass, class, classGap
		look = func(ctx context.Context) (any, error) {
			grid, err := s.labs.Grid(ctx, user, class)
			if err != nil {
				return nil, err
			}
			return eventJSON{"class", s.class(grid)}, nil
		}
	}
	changed, cancel, err := subscribe(ctx, user, id)
	if err != nil {
		return err
	}
	defer cancel()
	socket, err := s.upgrade(c)
	if err != nil {
		return err
	}
	socket.run(nil, func(ctx context.Context) error { return socket.follow(ctx, changed, gap, look) })
	return nil
}

// follow sends what look sees, now and after each change, until ctx ends or look
// fails. It subscribed before it looks, so no change falls in between.
func (k *socket) follow(ctx context.Context, changed <-chan struct{}, gap time.Duration, look func(context.Context) (any, error)) error {
	var last []byte
	for {
		view, err := look(ctx)
		if err != nil {
			return closeOf(err)
		}
		data, err := json.Marshal(view)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, last) {
			if err := k.send(websocket.TextMessage, data); err != nil {
				return err
			}
			last = data
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(gap):
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}
