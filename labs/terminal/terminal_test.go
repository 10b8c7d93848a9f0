package terminal_test

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/agent"
)

func TestSmoke(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- agent.Serve(ctx, l, agent.Options{Home: t.TempDir()}) }()
	dial := func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", socket) }
	t.Log(terminal.Ping(ctx, dial))
	t.Log(terminal.Run(ctx, dial, terminal.RunRequest{Command: []string{"sh", "-c", "id; env; pwd; ls -l /proc/self/fd >&2; exit 3"}, Timeout: time.Second, User: true}))
	t.Log(terminal.WriteFile(ctx, dial, ".kube/config", 0o600, []byte("hi")))
	c, err := terminal.Attach(ctx, dial, terminal.AttachRequest{Terminal: "t1", Cols: 100, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	c.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte("ls -la /proc/$$/fd; stty size; exit 4\n")})
	var all bytes.Buffer
	for {
		f, err := c.Read()
		if err != nil {
			t.Log(err)
			break
		}
		all.Write(f.Payload)
	}
	t.Log(all.String())
	cancel()
	t.Log(<-done)
}
