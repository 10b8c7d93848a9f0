package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestProbe tries what the page and the doctor try, as somebody without a log-in.
func TestProbe(t *testing.T) {
	w := newWorld(t, options{})
	c := w.browser()
	c.do("POST", "/api/probe", nil).want(204)
	conn, refused := c.dial("/api/probe")
	if refused != nil {
		t.Fatalf("got %d, want a WebSocket", refused.StatusCode)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("got %v, want a normal close", err)
	}
	// A page under another name is told the right one, and by which code.
	for _, got := range []*answer{
		c.do("POST", "/api/probe", nil, "Origin", "https://lab.example.org"),
		second(c.dial("/api/probe", "Origin", "https://lab.example.org")),
	} {
		var problem struct{ Code string }
		got.want(403).into(&problem)
		if problem.Code != "WrongOrigin" || !strings.Contains(got.detail(), w.url) {
			t.Errorf("got %s %q, want WrongOrigin and %s", problem.Code, got.detail(), w.url)
		}
	}
}

// TestProbeLimit: trying WebSockets without an end ends.
func TestProbeLimit(t *testing.T) {
	c := newWorld(t, options{}).browser()
	for range 200 {
		conn, refused := c.dial("/api/probe")
		if conn != nil {
			conn.Close()
			continue
		}
		if refused.StatusCode != http.StatusTooManyRequests || refused.Header.Get("Retry-After") == "" {
			t.Errorf("got %d, want 429 with Retry-After", refused.StatusCode)
		}
		return
	}
	t.Error("200 WebSockets in a row were opened")
}

func second(_ *websocket.Conn, refused *answer) *answer { return refused }
