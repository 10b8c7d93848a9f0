package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// leaveRootCgroup moves this process and its parent out of the way: with cgroup
// v2 a group that has processes of its own cannot hand controllers to others.
func leaveRootCgroup() error {
	if _, err := os.Stat(cgroupRoot + "/cgroup.controllers"); err != nil {
		return nil // v1 knows no such rule
	}
	leaf := cgroupRoot + "/init"
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	for _, pid := range []string{"1", "0"} { // 0 is who writes
		if err := os.WriteFile(leaf+"/cgroup.procs", []byte(pid), 0); err != nil {
			return fmt.Errorf("move process %s to its own control group: %w", pid, err)
		}
	}
	controllers, err := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(cgroupRoot+"/cgroup.subtree_control", []byte("+"+name), 0); err != nil {
			return fmt.Errorf("hand on the controller %s: %w", name, err)
		}
	}
	return nil
}

// Groups returns the folders of the control groups that process pid is in, as this
// process sees them, but for those that are the root of their hierarchy: there the
// runtime has made none.
func Groups(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	var folders []string
	for line := range strings.Lines(string(text)) {
		// HIERARCHY:CONTROLLERS:PATH, as cgroups(7) has it; version 2 names no controllers.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[2] == "/" || strings.HasPrefix(parts[2], "/..") {
			continue
		}
		folder := filepath.Join(cgroupRoot, strings.TrimPrefix(parts[1], "name="), parts[2])
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			continue // a hierarchy that is not mounted here
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// Delegate gives a control group to the user and group id: it may make groups below,
// move processes between them and hand on controllers, and cannot change the group's
// own limits. The files are those of cgroups(7), section Delegation, and
// /sys/kernel/cgroup/delegate, and tasks of version 1.
func Delegate(folder string, id int) error {
	for _, name := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks"} {
		err := os.Lchown(filepath.Join(folder, name), id, id)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delegate a control group: %w", err)
		}
	}
	return nil
}
