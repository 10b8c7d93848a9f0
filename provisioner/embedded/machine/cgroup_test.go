package machine_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestParseGroups: the folders are told of groups in each hierarchy, but for its root.
func TestParseGroups(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string
	}{
		{"version 2 with systemd", "0::/wheelhouse.slice/wheelhouse-a-1.scope\n", []string{"/sys/fs/cgroup/wheelhouse.slice/wheelhouse-a-1.scope"}},
		{"version 2", "0::/wheelhouse/a-1\n", []string{"/sys/fs/cgroup/wheelhouse/a-1"}},
		{"version 1", "3:memory:/a\n2:cpu,cpuacct:/a\n1:name=systemd:/a\n0::/\n",
			[]string{"/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/systemd/a"}},
		{"outside of the namespace", "0::/../b\n", nil},
	}
	for _, test := range tests {
		if got := machine.ParseGroups(test.file); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
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
