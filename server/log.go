package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
)

// causeKey is where fail leaves the cause of an error for the request log.
const causeKey = "wheelhouse/cause"

// logRequest writes one line a request: the route rather than the address, and
// never a query, a header or a body, for those hold secrets. It also turns a
// panic into a 500 instead of a dropped connection.
func (s *Server) logRequest(c *gin.Context) {
	start := time.Now()
	defer func() {
		if r := recover(); r != nil {
			if r == http.ErrAbortHandler {
				panic(r)
			}
			s.logger.Error("handler panicked", "route", routeOf(c), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			if !c.Writer.Written() {
				s.fail(c, errors.New("handler panicked"))
			}
		}
		s.logger.LogAttrs(c, level(c), "request", s.requestAttrs(c, start)...)
	}()
	c.Next()
}

func (s *Server) requestAttrs(c *gin.Context, start time.Time) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", c.Request.Method),
		slog.String("route", routeOf(c)),
		slog.Int("status", c.Writer.Status()),
		slog.Duration("duration", time.Since(start)),
		slog.Int("bytes", max(0, c.Writer.Size())),
		slog.String("client", c.ClientIP()),
	}
	if user := userOf(c); user != nil {
		attrs = append(attrs, slog.String("user", user.ID))
	}
	if session := c.Param("session"); session != "" {
		attrs = append(attrs, slog.String("session", clip(session)))
	}
	if cause, ok := c.Get(causeKey); ok {
		attrs = append(attrs, slog.Any("err", cause))
	}
	return attrs
}

func routeOf(c *gin.Context) string {
	if route := c.FullPath(); route != "" {
		return route
	}
	return "pages"
}

// clip keeps what a client made up from filling the log.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func level(c *gin.Context) slog.Level {
	switch status := c.Writer.Status(); {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return slog.LevelError
	case status >= 400:
		return slog.LevelWarn
	case c.FullPath() == "" || c.FullPath() == "/healthz" || c.FullPath() == "/readyz":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
