package embedded_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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
		"/sys/fs/cgroup/wheelhouse/" + name + "*/",
		"/sys/fs/cgroup/*/wheelhouse/" + name + "*/",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, found...)
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
		{"version 2 with systemd", systemd, "wheelhouse.slice:wheelhouse:a-1", true, 4},
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
			}
			limits := got.Memory(4 << 30)
			if *limits.Limit != 4<<30 || (limits.Swap != nil) != test.swap || test.swap && *limits.Swap != 5<<30 {
				t.Errorf("got limits %+v, want 4 GiB, and 1 GiB to swap: %v", limits, test.swap)
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
