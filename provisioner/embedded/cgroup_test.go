package embedded_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/embedded"
	inside "wheelhouse/provisioner/embedded/machine"
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
	return slices.ContainsFunc(inside.ParseGroups(string(procCgroup)), func(group string) bool {
		return strings.HasPrefix(embedded.ContainerOf(group), name+"-")
	})
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

// TestIsOf: the processes of a cluster are found in the group of its container and
// below it, in whatever way that was made.
func TestIsOf(t *testing.T) {
	tests := []struct {
		name, file string
		want       bool
	}{
		{"version 2 with systemd", "0::/wheelhouse.slice/wheelhouse-a-1.scope\n", true},
		{"below it", "0::/wheelhouse.slice/wheelhouse-a-1.scope/worker-1/kubepods.slice\n", true},
		{"version 2", "0::/wheelhouse/a-1\n", true},
		{"below that", "0::/wheelhouse/a-1/init\n", true},
		{"version 1", "3:memory:/wheelhouse/a-1\n2:cpu,cpuacct:/\n1:name=systemd:/wheelhouse/a-1\n0::/system.slice/cron.service\n", true},
		{"in a container", "0::/docker/0123/wheelhouse/a-1/init\n", true},
		{"another's", "0::/wheelhouse/aa-1\n", false},
		{"another's scope", "0::/wheelhouse.slice/wheelhouse-aa-1.scope/wheelhouse-a-1.scope\n", false},
		{"this program's", "0::/system.slice/wheelhouse.service\n", false},
		{"none", "0::/\n", false},
	}
	for _, test := range tests {
		if got := isOf([]byte(test.file), "a"); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// TestLimitGroups: the groups below a cluster's are bounded where the kernel can; a
// write that is refused is an error and not taken for version 1, which has no such file.
func TestLimitGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: control groups are made by root only")
	}
	tried := 0
	for parent, bounded := range map[string]bool{"/sys/fs/cgroup/pids": false, "/sys/fs/cgroup/unified": true, "/sys/fs/cgroup": true} {
		var kind unix.Statfs_t
		err := unix.Statfs(parent, &kind)
		if wanted := map[bool]int64{false: unix.CGROUP_SUPER_MAGIC, true: unix.CGROUP2_SUPER_MAGIC}; err != nil || kind.Type != wanted[bounded] {
			continue
		}
		tried++
		t.Run(parent, func(t *testing.T) {
			group := filepath.Join(parent, "wheelhouse-test-"+strings.ToLower(rand.Text()[:8]))
			if err := os.Mkdir(group, 0o755); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(group)
			if err := embedded.LimitGroups(group); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(group + "/cgroup.max.depth")
			if bounded && (err != nil || string(got) != "64\n") || !bounded && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("cgroup.max.depth: got %q, %v", got, err)
			}
			if err := asNobody(func() error { return embedded.LimitGroups(group) }); bounded != errors.Is(err, fs.ErrPermission) {
				t.Errorf("by one who may not: got %v", err)
			}
		})
	}
	if tried == 0 {
		t.Error("there is no hierarchy of control groups below /sys/fs/cgroup")
	}
}

// asNobody calls f on a thread that has no right to the files of root.
func asNobody(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		const nobody = 65534
		if err := unix.Setfsuid(nobody); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// TestRemoveGroups: what a runc that was killed has left in a container's control
// groups is ended, also where its cluster has frozen it, and the groups are removed.
func TestRemoveGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: control groups are made by root only")
	}
	for _, frozen := range []bool{false, true} {
		t.Run(fmt.Sprintf("frozen %v", frozen), func(t *testing.T) { testRemoveGroups(t, frozen) })
	}
}

func testRemoveGroups(t *testing.T, frozen bool) {
	container := "test-" + strings.ToLower(rand.Text()[:8])
	parent := "/sys/fs/cgroup/freezer/wheelhouse" // version 1
	state, freeze, thaw := "freezer.state", "FROZEN", "THAWED"
	switch c := embedded.FindCgroups(os.DirFS("/")); {
	case strings.Contains(c.Path(container), ".slice:"):
		parent = "/sys/fs/cgroup/wheelhouse.slice"
		state, freeze, thaw = "cgroup.freeze", "1", "0"
	case len(embedded.GroupFolders(container)) > 0:
		parent = "/sys/fs/cgroup/wheelhouse"
		state, freeze, thaw = "cgroup.freeze", "1", "0"
	}
	group := filepath.Join(parent, container)
	if strings.HasSuffix(parent, ".slice") {
		group = filepath.Join(parent, "wheelhouse-"+container+".scope")
	}
	below := filepath.Join(group, "below")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	sleep := exec.Command("sleep", "86412")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleep.Wait() }()
	defer func() { _ = sleep.Process.Kill() }()
	if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte(strconv.Itoa(sleep.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if frozen {
		if err := os.WriteFile(filepath.Join(below, state), []byte(freeze), 0); err != nil {
			t.Fatal(err)
		}
		defer func() { // where the test fails
			_ = os.WriteFile(filepath.Join(below, state), []byte(thaw), 0)
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if groups := groupsOf(t, "test"); !slices.Contains(groups, group) && !strings.HasSuffix(parent, ".slice") {
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
