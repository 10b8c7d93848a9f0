package machine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"wheelhouse/provisioner/embedded/machine"
)

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestRelay: bytes arrive both ways, and the end of each way arrives as well.
func TestRelay(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := func(name string) string {
			if network == "tcp" {
				return "127.0.0.1:0"
			}
			return filepath.Join(t.TempDir(), name)
		}
		inside := listen(t, network, address("inside"))
		outside := listen(t, network, address("outside"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- machine.Relay(ctx, outside, func(ctx context.Context) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, inside.Addr().String())
			}, slog.New(slog.DiscardHandler))
		}()
		go func() { // answers with what it was told, twice, once all of it is there
			for {
				conn, err := inside.Accept()
				if err != nil {
					return
				}
				text, _ := io.ReadAll(conn)
				_, _ = conn.Write(append(text, text...))
				conn.Close()
			}
		}()
		conn, err := net.Dial(network, outside.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte("kubernetes"), 100_000)
		go func() {
			_, _ = conn.Write(want)
			_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, append(want, want...)) {
			t.Errorf("%s: got %d bytes and %v, want %d", network, len(got), err, 2*len(want))
		}
		conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: the relay ended with %v", network, err)
		}
	}
}

// TestRelayToNobody: who comes while the other side is not there is hung up on.
func TestRelayToNobody(t *testing.T) {
	outside := listen(t, "tcp", "127.0.0.1:0")
	go func() {
		_ = machine.Relay(t.Context(), outside, func(context.Context) (net.Conn, error) { return nil, errors.New("nobody") }, slog.New(slog.DiscardHandler))
	}()
	conn, err := net.Dial("tcp", outside.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("got %d bytes, %v: want the connection to be closed", n, err)
	}
}
