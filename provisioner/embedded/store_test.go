package embedded_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
)

func TestStore(t *testing.T) {
	dir := t.TempDir()
	store, err := embedded.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "a"} {
		if err := store.Begin(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Begin("a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a name that is taken: got %v, want fs.ErrExist", err)
	}
	if err := store.Ready("b"); err != nil {
		t.Fatal(err)
	}
	// What a crash may have left.
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "damaged"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "damaged", "record.json"), []byte(`{"name":`), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := embedded.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.States()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]provisioner.State{"a": provisioner.Creating, "b": provisioner.Ready, "empty": provisioner.Creating, "damaged": provisioner.Creating}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %q, want %q", name, got[name], want[name])
		}
	}
}

// TestReadInside: nothing that a student puts into the cluster's folder leads
// out of it, or keeps whoever reads it.
func TestReadInside(t *testing.T) {
	store, err := embedded.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Begin("a"); err != nil {
		t.Fatal(err)
	}
	inside := store.Inside("a")
	outside := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(inside, "pki"), 0o700),
		os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(inside, "pki", "ca.crt"), []byte("certificate"), 0o600),
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(inside, "file")),
		os.Symlink(outside, filepath.Join(inside, "folder")),
		os.Symlink("../../../../"+outside, filepath.Join(inside, "up")),
		syscall.Mkfifo(filepath.Join(inside, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.ReadInside("a", "pki/ca.crt"); err != nil || string(got) != "certificate" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, path := range []string{"file", "folder/secret", "up/secret", "../record.json", "/etc/passwd", "pipe", "pki"} {
		if got, err := store.ReadInside("a", path); err == nil {
			t.Errorf("%s: got %q, want an error", path, got)
		}
	}
}
