package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	cgroupRoot = "/sys/fs/cgroup"

	// delegatable lists the files of a control group that its new owner gets; see
	// cgroups(7), section Cgroups delegation. Kernels differ in it.
	delegatable = "/sys/kernel/cgroup/delegate"
)

// Delegate gives the control group dir, and no limit of it, to the user and
// group id: processes with that id make groups below dir, move processes between
// them and hand controllers to them. runc does this with its systemd driver
// only. The caller's user namespace has to have the group's present owner.
func Delegate(dir string, id int) error {
	names := []string{"cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"} // tasks: version 1
	if text, err := os.ReadFile(delegatable); err == nil {
		names = append(names, strings.Fields(string(text))...)
	}
	if err := os.Chown(dir, id, id); err != nil {
		return fmt.Errorf("delegate a control group: %w", err)
	}
	for _, name := range names {
		// No group has all of them.
		if err := os.Chown(filepath.Join(dir, filepath.Base(name)), id, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delegate a control group: %w", err)
		}
	}
	return nil
}

// leaveRootCgroup moves this process and its parent into a group of their own
// and hands every controller on: with cgroup v2 a group that has processes of
// its own cannot hand controllers to others.
func leaveRootCgroup() error {
	if !cgroupV2() {
		return nil // v1 knows no such rule
	}
	leaf := cgroupRoot + "/init"
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	for _, pid := range []string{"1", "0"} { // 0 is the process that writes
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

func cgroupV2() bool {
	_, err := os.Stat(cgroupRoot + "/cgroup.controllers")
	return err == nil
}

// Groups returns the folders of the control groups that process pid is in, as this
// process sees them, but for those that are the root of their hierarchy: there the
// runtime has made none.
func Groups(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ParseGroups(string(text)), func(folder string) bool {
		_, err := os.Stat(folder)
		return errors.Is(err, fs.ErrNotExist) // a hierarchy that is not mounted here
	}), nil
}

// ParseGroups is Groups for a process whose file /proc/PID/cgroup has the text. The
// hierarchies of some of the folders may not be mounted.
func ParseGroups(text string) []string {
	var folders []string
	for line := range strings.Lines(text) {
		// HIERARCHY:CONTROLLERS:PATH, as cgroups(7) has it; version 2 names no controllers.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[2] == "/" || strings.HasPrefix(parts[2], "/..") {
			continue
		}
		folders = append(folders, filepath.Join(cgroupRoot, strings.TrimPrefix(parts[1], "name="), parts[2]))
	}
	return folders
}
