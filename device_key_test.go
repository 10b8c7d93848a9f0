package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestDeviceKey(t *testing.T) {
	folder := t.TempDir()
	first, err := deviceKey(folder)
	if err != nil || len(first) != deviceKeyLength {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	info, err := os.Stat(filepath.Join(folder, "device.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file of mode 0600", info, err)
	}
	if again, err := deviceKey(folder); err != nil || !bytes.Equal(first, again) {
		t.Errorf("a second time: got %x, %v, want %x", again, err, first)
	}
	if other, err := deviceKey(t.TempDir()); err != nil || bytes.Equal(first, other) {
		t.Errorf("of another folder: got %x, %v", other, err)
	}
}
