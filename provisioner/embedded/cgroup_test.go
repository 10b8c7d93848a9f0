package embedded_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wheelhouse/provisioner/embedded"
)

// groupsOf lists the control groups of the cluster name, or of all clusters, whoever
// makes them on this machine: systemd, or runc with either version.
func groupsOf(t testing.TB, name string) []string {
	t.Helper()
	if name != "" {
		name += "-"
	}
	var groups []string
	for _, pattern := range []string{
		"/sys/fs/cgroup/wheelhouse.slice/wheelhouse-" + name + "*.scope",
		"/sys/fs/cgroup/wheelhouse/" + name + "*",
		"/sys/fs/cgroup/*/wheelhouse/" + name + "*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.IsDir() { // a group's own files lie beside those below it
				groups = append(groups, path)
			}
		}
	}
	return groups
}

// isOf reports whether a process whose file /proc/PID/cgroup is given is one of
// the cluster name.
func isOf(procCgroup []byte, name string) bool {
	return bytes.Contains(procCgroup, []byte("/wheelhouse/"+name+"-")) || bytes.Contains(procCgroup, []byte("/wheelhouse-"+name+"-"))
}

func TestCgroups(t *testing.T) {
	file := &fstest.MapFile{}
	v2 := map[string]*fstest.MapFile{"sys/fs/cgroup/cgroup.controllers": file}
	systemd := map[string]*fstest.MapFile{"run/systemd/system/x.slice": file, "sys/fs/cgroup/cgroup.controllers": file}
	tests := []struct {
		name  string
		root  fstest.MapFS
		path  string
		swap  bool
		props int
	}{
		{"version 2 with systemd", systemd, "wheelhouse.slice:wheelhouse:a-1", true, 5},
		{"version 2", v2, "/wheelhouse/a-1", true, 0},
		{"version 1", fstest.MapFS{"sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": file}, "/wheelhouse/a-1", true, 0},
		{"version 1 that counts no swap", fstest.MapFS{"sys/fs/cgroup/memory/memory.limit_in_bytes": file}, "/wheelhouse/a-1", false, 0},
		{"both, as systemd once had them", fstest.MapFS{
			"run/systemd/system/x.slice": file, "sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": file, "sys/fs/cgroup/unified/cgroup.controllers": file,
		}, "/wheelhouse/a-1", true, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := embedded.FindCgroups(test.root)
			if path := got.Path("a-1"); path != test.path {
				t.Errorf("got path %s, want %s", path, test.path)
			}
			if got := got.Annotations("a"); len(got) != test.props {
				t.Errorf("got properties %v, want %d", got, test.props)
			} else if swap := got["org.systemd.property.MemorySwapMax"]; test.props > 0 && swap != "uint64 0" {
				t.Errorf("got MemorySwapMax %q, want none beside the memory", swap)
			}
			limits := got.Memory(4 << 30)
			if *limits.Limit != 4<<30 || (limits.Swap != nil) != test.swap || test.swap && *limits.Swap != 4<<30 {
				t.Errorf("got limits %+v, want 4 GiB, of memory and swap together: %v", limits, test.swap)
			}
		})
	}
}

func TestGroupsOf(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string
	}{
		{"version 2 with systemd", "0::/wheelhouse.slice/wheelhouse-a-1.scope\n", []string{"/sys/fs/cgroup/wheelhouse.slice/wheelhouse-a-1.scope"}},
		{"version 2", "0::/wheelhouse/a-1\n", []string{"/sys/fs/cgroup/wheelhouse/a-1"}},
		{"version 1", "3:memory:/wheelhouse/a-1\n2:cpu,cpuacct:/wheelhouse/a-1\n1:name=systemd:/wheelhouse/a-1\n0::/system.slice/cron.service\n",
			[]string{"/sys/fs/cgroup/memory/wheelhouse/a-1", "/sys/fs/cgroup/cpu,cpuacct/wheelhouse/a-1", "/sys/fs/cgroup/systemd/wheelhouse/a-1"}},
		{"another's", "0::/wheelhouse/a-12\n", nil},
		{"this program's", "0::/system.slice/wheelhouse.service\n", nil},
	}
	for _, test := range tests {
		got, err := embedded.GroupsOf(strings.NewReader(test.file), "a-1")
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v, want %v", test.name, got, err, test.want)
		}
	}
}

// TestRemoveGroups: what a runc that was killed has left in a container's control
// groups is ended, and the groups are removed.
func TestRemoveGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: control groups are made by root only")
	}
	container := "test-" + strings.ToLower(rand.Text()[:8])
	parent := "/sys/fs/cgroup/pids/wheelhouse" // version 1
	switch c := embedded.FindCgroups(os.DirFS("/")); {
	case strings.Contains(c.Path(container), ".slice:"):
		parent = "/sys/fs/cgroup/wheelhouse.slice"
	case len(embedded.GroupFolders(container)) > 0:
		parent = "/sys/fs/cgroup/wheelhouse"
	}
	group := filepath.Join(parent, container)
	if strings.HasSuffix(parent, ".slice") {
		group = filepath.Join(parent, "wheelhouse-"+container+".scope")
	}
	if err := os.MkdirAll(filepath.Join(group, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	sleep := exec.Command("sleep", "86412")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleep.Wait() }()
	defer func() { _ = sleep.Process.Kill() }()
	if err := os.WriteFile(filepath.Join(group, "below", "cgroup.procs"), []byte(strconv.Itoa(sleep.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if groups := groupsOf(t, "test"); !slices.ContainsFunc(groups, func(path string) bool { return strings.HasPrefix(path, parent) }) && !strings.HasSuffix(parent, ".slice") {
		t.Errorf("got the groups %q, want %s among them", groups, group)
	}
	if err := embedded.RemoveGroups(ctx, container); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("the process in the group was not ended")
	}
	if _, err := os.Stat(group); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the group is still there: %v", err)
	}
	if err := embedded.RemoveGroups(ctx, container); err != nil {
		t.Errorf("groups that are not there: %v", err)
	}
}
