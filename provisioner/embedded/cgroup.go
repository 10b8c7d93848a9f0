package embedded

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// cgroupPath is where a cluster's control groups are, below each hierarchy's
// root.
func cgroupPath(r record) string { return "/wheelhouse/" + r.Container }

// giveCgroups makes the control groups of process pid, which runc has just made,
// the cluster's own: its root may make groups below them, and not change their
// limits. With version 2 runc does so itself.
func giveCgroups(pid int, ids idRange) error {
	file, err := os.Open(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// HIERARCHY:CONTROLLERS:PATH, as cgroups(7) has it.
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) != 3 || parts[1] == "" {
			continue
		}
		if !strings.Contains(parts[2], "/wheelhouse/") {
			continue // a hierarchy that runc leaves alone
		}
		name := strings.TrimPrefix(parts[1], "name=")
		dir := filepath.Join("/sys/fs/cgroup", name, parts[2])
		for _, path := range []string{dir, filepath.Join(dir, "cgroup.procs"), filepath.Join(dir, "tasks")} {
			err := os.Chown(path, int(ids.First), int(ids.First))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("give the cluster its control group: %w", err)
			}
		}
	}
	return lines.Err()
}

// dropParents removes the control groups above the clusters', unless another
// cluster is in them.
func dropParents() {
	for _, pattern := range []string{"/sys/fs/cgroup/wheelhouse", "/sys/fs/cgroup/*/wheelhouse"} {
		dirs, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, dir := range dirs {
			_ = os.Remove(dir) // of a group, this removes an empty one only
		}
	}
}
