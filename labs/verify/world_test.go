package verify_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"wheelhouse/labs/terminal"
)

// notes is the API server of a cluster that holds one ConfigMap, default/notes.
type notes struct {
	mu      sync.Mutex
	data    map[string]string
	version int
	changed chan struct{} // closed, and replaced, at each change
}

func newNotes() *notes {
	return &notes{data: map[string]string{}, version: 1, changed: make(chan struct{})}
}

// set changes what the ConfigMap says.
func (n *notes) set(key, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.data[key] = value
	n.version++
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *notes) get(key string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.data[key]
}

// until blocks until the ConfigMap says so, or ctx ends.
func (n *notes) until(ctx context.Context, key, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.data[key] != value && ctx.Err() == nil {
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		n.mu.Lock()
	}
}

// object is the ConfigMap as it is now. The caller holds the lock.
func (n *notes) object() map[string]any {
	data := map[string]string{}
	for key, value := range n.data {
		data[key] = value
	}
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": data,
		"metadata": map[string]any{"name": "notes", "namespace": "default", "uid": "u", "resourceVersion": strconv.Itoa(n.version)}}
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case r.URL.Path == "/readyz":
		io.WriteString(w, "ok")
	case r.URL.Path == "/api/v1":
		json.NewEncoder(w).Encode(metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: metav1.Verbs{"list", "watch"}},
		}})
	case r.URL.Path == "/set": // for shells
		n.mu.Unlock()
		n.set(r.URL.Query().Get("key"), r.URL.Query().Get("value"))
		n.mu.Lock()
	case r.URL.Path != "/api/v1/namespaces/default/configmaps":
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: 404})
	case r.URL.Query().Get("watch") == "":
		json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "ConfigMapList",
			"metadata": map[string]any{"resourceVersion": strconv.Itoa(n.version)}, "items": []any{n.object()}})
	default:
		since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
		n.watch(r.Context(), w, since)
	}
}

// watch sends the object after each change until ctx ends. The caller holds the
// lock.
func (n *notes) watch(ctx context.Context, w http.ResponseWriter, since int) {
	for ctx.Err() == nil {
		if n.version > since {
			json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": n.object()})
			since = n.version
		}
		w.(http.Flusher).Flush()
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		n.mu.Lock()
	}
}

// shell is a scripted shell on a scripted workstation: no process and no
// network, so that a test can let hours pass.
type shell struct {
	// commands are what lines do; a line that is not among them does nothing.
	commands map[string]func(*tty)

	mu    sync.Mutex
	typed []string
	acked int64
}

// tty is the shell's side of the terminal.
type tty struct {
	prompt  string // shown after each line
	written int64
	conn    net.Conn
	gone    bool          // the connection is of no more use
	left    chan struct{} // closed when the typist has left
}

// ownPrompt is what the typist's PS1 makes of a prompt.
const ownPrompt = "\x1b]133;A\x07$ "

func (t *tty) print(text string) {
	t.written += int64(len(text))
	for len(text) > 0 {
		piece := text[:min(len(text), 1000)]
		t.send(terminal.Frame{Kind: terminal.FrameOutput, Payload: []byte(piece)})
		text = text[len(piece):]
	}
}

func (t *tty) send(frame terminal.Frame) {
	if _, err := t.conn.Write(terminal.AppendFrame(nil, frame)); err != nil {
		t.gone = true
	}
}

func (t *tty) exit() {
	t.send(terminal.ControlFrame(terminal.Control{Type: "exit"}))
	t.cut()
}

func (t *tty) cut() {
	t.gone = true
	t.conn.Close()
}

// ServeHTTP is the agent.
func (s *shell) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	conn, received, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", terminal.Protocol)
	t := &tty{prompt: "fresh$ ", conn: conn, left: make(chan struct{})}
	t.send(terminal.ControlFrame(terminal.Control{Type: "attached", Terminal: "verify", Epoch: "1", Cols: 160, Rows: 50}))
	lines := make(chan string, 100)
	go func() {
		defer close(t.left)
		s.receive(received.Reader, lines)
	}()
	for line := range lines {
		t.print(line + "\r\n")
		if strings.HasPrefix(line, "PS1=") {
			t.prompt = ownPrompt
		} else if command := s.commands[line]; command != nil {
			command(t)
		}
		if t.gone {
			return
		}
		t.print(t.prompt)
	}
}

// receive cuts what is typed into lines, and notes what is acknowledged.
func (s *shell) receive(r *bufio.Reader, lines chan<- string) {
	defer close(lines)
	frames := terminal.NewFrameReader(r)
	text := ""
	for {
		frame, err := frames.Next()
		if err != nil {
			return
		}
		if control, err := frame.Control(); err == nil {
			s.mu.Lock()
			s.acked = control.Offset
			s.mu.Unlock()
			continue
		}
		text += string(frame.Payload)
		for line, rest, ok := strings.Cut(text, "\r"); ok; line, rest, ok = strings.Cut(text, "\r") {
			s.mu.Lock()
			s.typed = append(s.typed, line)
			s.mu.Unlock()
			lines <- line
			text = rest
		}
	}
}

// pipes connects a server and its clients within the process.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// serve serves handler until the test ends.
func serve(t *testing.T, handler http.Handler) *pipes {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(p)
	}()
	t.Cleanup(func() { server.Close(); <-served })
	return p
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) config() *rest.Config {
	return &rest.Config{Host: "http://cluster", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) }}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// after is a command that takes its time, unless the terminal is left before.
func after(d time.Duration, then func(*tty)) func(*tty) {
	return func(t *tty) {
		select {
		case <-time.After(d):
			then(t)
		case <-t.left:
		}
	}
}
