package machine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner/embedded/machine"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// TestTakeCredentials: a node waits for the last of its credentials, takes all, and
// keeps those that it has.
func TestTakeCredentials(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	names := []string{"pki/ca.crt", "pki/kubelet.crt", "pki/kubelet.key", "kube-proxy.conf"}
	for _, name := range names {
		write(t, filepath.Join(from, name), "first "+name)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := machine.TakeCredentials(ctx, from, to); err != nil {
			t.Errorf("while the last one is missing: %v", err)
		}
	})
	if _, err := os.Stat(filepath.Join(to, "kube-proxy.conf")); err == nil {
		t.Error("some were taken before the last one was there")
	}
	write(t, filepath.Join(from, "kubelet.conf"), "first kubelet.conf")
	if err := machine.TakeCredentials(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	names = append(names, "kubelet.conf")
	for _, name := range names {
		write(t, filepath.Join(from, name), "second "+name)
	}
	if err := machine.TakeCredentials(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if got, want := read(t, filepath.Join(to, name)), "first "+name; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestCopyState: what says that a copy is whole comes last, and unpacked layers are
// not copied.
func TestCopyState(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	const metadata = "io.containerd.metadata.v1.bolt/meta.db"
	write(t, filepath.Join(from, metadata), "metadata")
	write(t, filepath.Join(from, "io.containerd.snapshotter.v1.overlayfs/metadata.db"), "snapshots")
	snapshots, err := machine.CopyState(from, to)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(to, metadata)); got != "metadata" {
		t.Errorf("got the metadata %q", got)
	}
	if got := read(t, filepath.Join(to, "io.containerd.snapshotter.v1.overlayfs/metadata.db")); got != "snapshots" {
		t.Errorf("got the snapshots' metadata %q", got)
	}
	// A copy that was broken off is made again: nothing says that it is whole.
	write(t, filepath.Join(from, snapshots, "1/fs/file"), "layer")
	broken := t.TempDir()
	write(t, filepath.Join(broken, "io.containerd.snapshotter.v1.overlayfs/metadata.db/in the way"), "")
	if _, err := machine.CopyState(from, broken); err == nil {
		t.Fatal("a copy over a folder succeeded")
	}
	if _, err := os.Stat(filepath.Join(broken, metadata)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy that failed says that it is whole: %v", err)
	}
	if _, err := os.Stat(filepath.Join(broken, snapshots, "1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unpacked layer was copied: %v", err)
	}
}
