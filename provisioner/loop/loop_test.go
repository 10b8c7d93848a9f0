package loop_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/loop"
)

// needs skips where nothing can be mounted, and says why.
func needs(t *testing.T, program string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if err := loop.Available(); err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("there is no %s to make a file system with", program)
	}
}

// makeDisk makes a file with an empty ext4 file system.
func makeDisk(t *testing.T) string {
	t.Helper()
	needs(t, "mkfs.ext4")
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", file).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	return file
}

func mount(t *testing.T, file, fstype string, flags uintptr) string {
	t.Helper()
	target := t.TempDir()
	if err := loop.Mount(file, target, fstype, flags, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) }) // a test may have done it
	return target
}

// devices returns the loop devices that show file.
func devices(t *testing.T, file string) []string {
	t.Helper()
	attached, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range attached {
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == file {
			names = append(names, strings.Split(path, "/")[3])
		}
	}
	return names
}

func TestMountWrites(t *testing.T) {
	file := makeDisk(t)
	target := mount(t, file, "ext4", 0)
	if err := os.WriteFile(filepath.Join(target, "kept"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(target, 0); err != nil {
		t.Fatal(err)
	}
	if left := devices(t, file); len(left) > 0 {
		t.Errorf("the devices %v are left after the last mount", left)
	}
	again := mount(t, file, "ext4", unix.MS_RDONLY)
	if text, err := os.ReadFile(filepath.Join(again, "kept")); string(text) != "text" {
		t.Errorf("got %q, %v, want what was written", text, err)
	}
}

// TestMountSharesReadOnly: all read-only mounts of a file have one superblock.
func TestMountSharesReadOnly(t *testing.T) {
	file := makeDisk(t)
	const mounts = 8
	targets := make([]string, mounts)
	var group sync.WaitGroup
	for i := range targets {
		targets[i] = t.TempDir()
		group.Go(func() {
			if err := loop.Mount(file, targets[i], "ext4", unix.MS_RDONLY, ""); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	t.Cleanup(func() {
		for _, target := range targets {
			_ = unix.Unmount(target, unix.MNT_DETACH)
		}
		if left := devices(t, file); len(left) > 0 {
			t.Errorf("the devices %v are left after the last mount", left)
		}
	})
	if names := devices(t, file); len(names) != 1 {
		t.Errorf("got the devices %v, want one", names)
	}
	if err := os.WriteFile(filepath.Join(targets[0], "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Errorf("write: got %v, want %v", err, unix.EROFS)
	}
	if err := unix.Mount("", targets[0], "", unix.MS_REMOUNT, ""); err == nil {
		t.Error("a read-only file system could be made writable")
	}
}

func TestMountRefuses(t *testing.T) {
	needs(t, "mkfs.ext4")
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file string
		want error
	}{
		"no file system": {file, unix.EINVAL},
		"no file":        {file + "-missing", os.ErrNotExist},
	} {
		if err := loop.Mount(test.file, t.TempDir(), "ext4", unix.MS_RDONLY, ""); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if left := devices(t, file); len(left) > 0 {
		t.Errorf("the devices %v are left after a mount that failed", left)
	}
}
