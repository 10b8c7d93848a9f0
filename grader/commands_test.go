package grader_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// program is what runs where a test's pods are asked to run a command. Done ends
// when the client has gone. It returns the exit code, or an error where nothing
// could be run.
type program func(command []string, stdout, stderr io.Writer, done <-chan struct{}) (int, error)

// serveExec runs the API server's program over a WebSocket, or over SPDY where
// the server was told to know nothing newer.
func (a *apiServer) serveExec(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	run, onlySPDY := a.program, a.onlySPDY
	a.mu.Unlock()
	query := r.URL.Query()
	a.note("exec " + query.Get("container") + " " + strings.Join(query["command"], " "))
	serve := func(stdout, stderr, status io.Writer) {
		code, err := run(query["command"], stdout, stderr, r.Context().Done())
		json.NewEncoder(status).Encode(statusOf(code, err))
	}
	switch {
	case !wsstream.IsWebSocketRequest(r):
		serveSPDY(w, r, serve)
	case onlySPDY:
		http.Error(w, "no WebSockets here", http.StatusForbidden)
	default:
		out, ignored := wsstream.WriteChannel, wsstream.IgnoreChannel
		conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {Binary: true, Channels: []wsstream.ChannelType{ignored, out, out, out, ignored}}})
		_, streams, err := conn.Open(w, r)
		if err != nil {
			return
		}
		defer conn.Close()
		serve(streams[1], streams[2], streams[3])
	}
}

func serveSPDY(w http.ResponseWriter, r *http.Request, serve func(stdout, stderr, status io.Writer)) {
	if _, err := httpstream.Handshake(r, w, []string{"v5.channel.k8s.io", "v4.channel.k8s.io"}); err != nil {
		return
	}
	type opening struct {
		httpstream.Stream
		answered <-chan struct{} // nothing may be written before
	}
	opened := make(chan opening, 3)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, answered <-chan struct{}) error {
		opened <- opening{stream, answered}
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	streams := map[string]io.Writer{}
	for range cap(opened) {
		select {
		case stream := <-opened:
			<-stream.answered
			streams[stream.Headers().Get("streamType")] = stream
		case <-conn.CloseChan():
			return
		}
	}
	serve(streams["stdout"], streams["stderr"], streams["error"])
}

func statusOf(code int, err error) metav1.Status {
	switch {
	case err != nil:
		return metav1.Status{Status: "Failure", Reason: metav1.StatusReasonInternalError, Code: 500, Message: err.Error()}
	case code != 0:
		return metav1.Status{Status: "Failure", Reason: "NonZeroExitCode", Message: "command terminated with a non-zero exit code",
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: strconv.Itoa(code)}}}}
	}
	return metav1.Status{Status: "Success"}
}
