package machine_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/embedded/machine"
)

const gibibyte = 1 << 30

// TestDivide: what is given away is never more than there is, and every node has
// something for pods.
func TestDivide(t *testing.T) {
	tests := []struct {
		name   string
		memory int64
		nodes  int
		fails  bool
	}{
		{"the default, one node", 4 * gibibyte, 1, false},
		{"the default, three nodes", 4 * gibibyte, 3, false},
		{"the default, six nodes", 4 * gibibyte, 6, false},
		{"the default, too many nodes", 4 * gibibyte, 12, true},
		{"as many nodes with more memory", 8 * gibibyte, 12, false},
		{"a small machine", 3 * gibibyte / 2, 1, false},
		{"a very small one", gibibyte, 1, false},
		{"next to nothing", gibibyte / 4, 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := machine.Divide(machine.Resources{Memory: test.memory, CPUs: 2}, test.nodes)
			if (err != nil) != test.fails {
				t.Fatalf("got %v, want an error: %v", err, test.fails)
			}
			if err != nil {
				return
			}
			workers := int64(test.nodes - 1)
			if sum := got.Workstation + got.Control.Memory + workers*got.Worker.Memory; sum >= test.memory {
				t.Errorf("%d bytes are given away of %d", sum, test.memory)
			}
			if got.Control.Pods() != got.Worker.Pods() {
				t.Errorf("pods have %d bytes on the control plane's node, and %d on another", got.Control.Pods(), got.Worker.Pods())
			}
			for _, share := range []machine.Share{got.Control, got.Worker} {
				if share.Allocatable() < 90<<20 || share.Allocatable() >= share.Pods() || share.Pods() >= share.Memory {
					t.Errorf("got the share %+v", share)
				}
			}
			if got.CPUs != 2 {
				t.Errorf("each node reports %d processors, want 2", got.CPUs)
			}
		})
	}
}

// TestResourcesAt reads the limits of both versions of control groups.
func TestResourcesAt(t *testing.T) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	all := int64(info.Totalram) * int64(info.Unit)
	tests := []struct {
		name  string
		files map[string]string
		want  machine.Resources
	}{
		{"version 2", map[string]string{"memory.max": "1073741824\n", "cpu.max": "150000 100000\n"}, machine.Resources{Memory: gibibyte, CPUs: 1}},
		{"version 2 with no limit", map[string]string{"memory.max": "max\n", "cpu.max": "max 100000\n"}, machine.Resources{Memory: all}},
		{"version 1", map[string]string{"memory/memory.limit_in_bytes": "1073741824\n", "cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, machine.Resources{Memory: gibibyte, CPUs: 2}},
		{"version 1 with no limit", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, machine.Resources{Memory: all}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := machine.ResourcesAt(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
