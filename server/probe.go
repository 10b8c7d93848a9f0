package server

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"wheelhouse/labs"
)

// ProbePath is the route that shows whether requests and WebSockets come through
// whatever stands between a browser and the server. It needs no log-in, looks
// nothing up and keeps nothing: the page and "wheelhouse doctor --url" use it.
const ProbePath = "/api/probe"

// postProbe answers 204. A request from a page under another address than the
// public one does not come this far.
func (s *Server) postProbe(c *gin.Context) error {
	c.Status(http.StatusNoContent)
	return nil
}

// getProbe upgrades to a WebSocket and closes it normally. It reads nothing, waits
// closeTimeout at most, and is limited by address.
func (s *Server) getProbe(c *gin.Context) error {
	if !websocket.IsWebSocketUpgrade(c.Request) {
		return errNoUpgrade
	}
	if wait := s.limits.probes.take(addressKey(c)); wait > 0 {
		return limited(wait, "Too many WebSockets were tried from your network. Wait a moment, then try again.")
	}
	conn, err := s.handshake(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(closeTimeout))
	return nil
}

// handshake answers a request for a WebSocket; an error has not been answered yet.
// The Origin was checked before anything else and is checked once more here.
func (s *Server) handshake(c *gin.Context) (*websocket.Conn, error) {
	if !websocket.IsWebSocketUpgrade(c.Request) {
		return nil, errNoUpgrade
	}
	var refused error
	upgrader := websocket.Upgrader{
		HandshakeTimeout: headerTimeout,
		ReadBufferSize:   4 << 10,
		WriteBufferSize:  4 << 10,
		CheckOrigin:      s.sameOrigin,
		Error: func(_ http.ResponseWriter, _ *http.Request, status int, reason error) {
			refused = &problem{Status: status, Code: string(labs.CodeInvalid), Detail: "This is no WebSocket handshake that can be answered.", err: reason}
		},
	}
	conn, err := upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		if refused != nil {
			return nil, refused
		}
		return nil, err
	}
	c.Status(http.StatusSwitchingProtocols) // for the log
	return conn, nil
}

// errNoUpgrade answers a plain request to the route of a WebSocket.
var errNoUpgrade = &problem{Status: http.StatusUpgradeRequired, Code: string(labs.CodeInvalid),
	Detail: "This route is a WebSocket; /api/openapi.yaml describes its messages."}
