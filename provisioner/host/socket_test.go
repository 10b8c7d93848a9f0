package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/provisioner/host"
)

// TestUnixSocket: the folder's path may be longer than a socket's address holds, and
// what an earlier process has left is replaced.
func TestUnixSocket(t *testing.T) {
	folder := filepath.Join(t.TempDir(), strings.Repeat("a", 120))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := host.DialUnix(t.Context(), folder, "socket"); err == nil {
		t.Error("dialled where nobody listens")
	}
	for range 2 {
		listener, err := host.ListenUnix(folder, "socket")
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(folder, "socket")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket's mode: got %v, %v, want 0600", info.Mode(), err)
		}
		conn, err := host.DialUnix(t.Context(), folder, "socket")
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		listener.Close()
	}
	if _, err := host.DialUnix(t.Context(), folder, "socket"); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("nobody listens any more: got %v, want an error that names the folder", err)
	}
}
