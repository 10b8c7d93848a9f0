package machine_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/provisioner/embedded/machine"
)

// TestDelegate: whoever a control group was given to makes groups in it and moves
// its own processes there, and changes no limit of the group itself.
func TestDelegate(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: control groups are given away by root only")
	}
	const id = 1879048193 // as a cluster may have it
	group := newGroup(t)
	as := func(script string) ([]byte, error) {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = group
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
		return cmd.CombinedOutput()
	}
	if out, err := as("mkdir own"); err == nil {
		t.Fatalf("a group was made before it was allowed: %s", out)
	}
	if err := machine.Delegate(group, id); err != nil {
		t.Fatal(err)
	}
	if out, err := as("mkdir own && rmdir own && mkdir other && rmdir other"); err != nil {
		t.Errorf("groups below it cannot be made: %v: %s", err, out)
	}
	limit, err := os.ReadFile(filepath.Join(group, "pids.max"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := as("echo 7 >pids.max"); err == nil {
		t.Errorf("its limit can be changed: %s", out)
	}
	if got, err := os.ReadFile(filepath.Join(group, "pids.max")); err != nil || !bytes.Equal(got, limit) {
		t.Errorf("pids.max: got %q, %v, want %q", got, err, limit)
	}
	if err := machine.Delegate(filepath.Join(group, "missing"), id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a group that is not there: got %v", err)
	}
}

// newGroup makes a control group that can be limited in its processes.
func newGroup(t *testing.T) string {
	t.Helper()
	parent := "/sys/fs/cgroup/pids" // version 1
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		parent = "/sys/fs/cgroup"
		if err := os.WriteFile(parent+"/cgroup.subtree_control", []byte("+pids"), 0); err != nil {
			t.Fatal(err)
		}
	}
	group := filepath.Join(parent, "wheelhouse-test-"+strings.ToLower(rand.Text()[:8]))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	return group
}
