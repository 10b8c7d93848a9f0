package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/embedded/machine"
)

// cgroups is how the control groups of this machine's clusters are made.
//
//	version 2, systemd   wheelhouse.slice/wheelhouse-CONTAINER.scope: systemd makes
//	                     a transient scope with Delegate=yes, which outlives the
//	                     service, and limits that are set on the slice hold for all
//	                     clusters together
//	version 2            wheelhouse/CONTAINER
//	version 1            wheelhouse/CONTAINER, in each hierarchy
//
// A cluster's root gets the group (machine.Delegate) and none of its limits.
type cgroups struct {
	version int  // 1 or 2
	systemd bool // systemd owns the tree
	noSwap  bool // how much is swapped cannot be limited
}

const (
	cgroupMount = "sys/fs/cgroup" // below the root folder
	cgroupName  = "wheelhouse"    // of the group or the slice that holds all clusters
)

// findCgroups reports how the machine whose root folder is root has them.
func findCgroups(root fs.FS) cgroups {
	if _, err := fs.Stat(root, cgroupMount+"/cgroup.controllers"); err != nil {
		// Many kernels count no swap with version 1, and runc then refuses a limit.
		_, err := fs.Stat(root, cgroupMount+"/memory/memory.memsw.limit_in_bytes")
		return cgroups{version: 1, noSwap: err != nil}
	}
	// As sd_booted(3) asks whether systemd is this machine's init.
	info, err := fs.Stat(root, "run/systemd/system")
	return cgroups{version: 2, systemd: err == nil && info.IsDir()}
}

// thisMachine is findCgroups for the machine that this program runs on.
func thisMachine() cgroups { return findCgroups(os.DirFS("/")) }

// path is what runc's configuration calls the group of a container.
func (c cgroups) path(container string) string {
	if c.systemd {
		return cgroupName + ".slice:" + cgroupName + ":" + container
	}
	return "/" + cgroupName + "/" + container
}

// annotations are properties of the scope, for runc, in the text form of
// GVariant. Left to itself, runc makes scopes that a shutdown of the machine
// kills last, after a wait of 90 seconds for those that are frozen, and that stay
// in the list of failed units after a process of theirs ran out of memory. It also
// keeps a limit of no swap to itself, and systemd lifts it at the next daemon-reload.
func (c cgroups) annotations(name string) map[string]string {
	if !c.systemd {
		return nil
	}
	return map[string]string{
		"org.systemd.property.Description":         fmt.Sprintf("'Kubernetes cluster %s of Wheelhouse'", name),
		"org.systemd.property.DefaultDependencies": "true",
		"org.systemd.property.TimeoutStopUSec":     fmt.Sprintf("uint64 %d", stopWithin.Microseconds()),
		"org.systemd.property.CollectMode":         "'inactive-or-failed'",
		"org.systemd.property.MemorySwapMax":       "uint64 0", // memory's limit is one of both
	}
}

// memory returns the limits of a cluster that may use bytes of memory and swap
// together: with only its memory limited it could fill the machine's swap.
func (c cgroups) memory(bytes int64) *specs.LinuxMemory {
	limits := &specs.LinuxMemory{Limit: &bytes}
	if !c.noSwap {
		limits.Swap = &bytes // of both, as the runtime specification has it
	}
	return limits
}

// delegateCgroups gives the cluster's root the control groups of the process pid,
// the first one of its container.
func delegateCgroups(pid int, container string, ids idRange) error {
	groups, err := machine.Groups(pid)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(groups, func(group string) bool { return containerOf(group) != container })
	if len(own) == 0 {
		return errors.New("the cluster's first process is in no control group of its own")
	}
	for _, group := range own {
		if err := machine.Delegate(group, int(ids.First)); err != nil {
			return err
		}
		if err := limitGroups(group); err != nil {
			return err
		}
	}
	return nil
}

// limitGroups bounds the groups that a cluster makes below its own: the kernel has
// numbers for 65,535 with limits of memory, for the whole machine. Version 1 knows no
// such limit, and has no such file.
func limitGroups(group string) error {
	for name, most := range map[string]int{"cgroup.max.descendants": 4000, "cgroup.max.depth": 64} {
		// os.WriteFile would make the file, and version 1 refuses that as it would refuse
		// what is not allowed.
		file, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = file.WriteString(strconv.Itoa(most))
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			return fmt.Errorf("bound the number of control groups: %w", err)
		}
	}
	return nil
}

// containerOf returns the container that has the control group at path, or one above
// it, for its own: "" for the groups of other programs. The path may be that of
// /proc/PID/cgroup or of the group's folder.
func containerOf(path string) string {
	above := ""
	for name := range strings.SplitSeq(path, "/") {
		switch above {
		case cgroupName:
			return name
		case cgroupName + ".slice":
			if scope, ok := strings.CutPrefix(name, cgroupName+"-"); ok && strings.HasSuffix(scope, ".scope") {
				return strings.TrimSuffix(scope, ".scope")
			}
		}
		above = name
	}
	return ""
}

// folders returns the folders of the control groups that a container with this name
// may have, in whatever way they were made.
func (c cgroups) folders(container string) []string {
	root := "/" + cgroupMount
	if c.systemd {
		return []string{filepath.Join(root, cgroupName+".slice", cgroupName+"-"+container+".scope")}
	}
	if c.version == 2 {
		return []string{filepath.Join(root, cgroupName, container)}
	}
	found, _ := filepath.Glob(filepath.Join(root, "*", cgroupName, container)) // the pattern is well formed
	return found
}

// removeGroups ends what runs in the control groups of a container that runc does not
// know, and removes them: a runc that was killed while it made the container has left
// both. It blocks until they are gone or ctx ends.
func removeGroups(ctx context.Context, container string) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var left error
		for _, folder := range thisMachine().folders(container) {
			left = errors.Join(left, removeGroup(folder))
		}
		if left == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(left, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// removeGroup kills the processes of a group and of those below it, and removes the
// groups as far as they are empty already. One that is not there is no error.
func removeGroup(folder string) error {
	err := removeGroupsBelow(folder)
	if removed := os.Remove(folder); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// removeGroupsBelow kills the processes of a group and of those below it, and removes
// those below it as far as they are empty already. A cluster makes them as deep as it
// likes, which is deeper than a path can be long: they are reached by descriptors, one
// at a time.
func removeGroupsBelow(folder string) error {
	at, err := unix.Open(folder, openGroup, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the control group %s: %w", folder, err)
	}
	defer func() { unix.Close(at) }()
	var failed error
	below := [][]string{killGroup(at)} // the groups that are left to see, on each level down to the one that is open
	var names []string                 // of the groups from folder, which is not among them, to that one
	for {
		last := len(below) - 1
		if len(below[last]) > 0 {
			name := below[last][0]
			below[last] = below[last][1:]
			down, err := unix.Openat(at, name, openGroup, 0)
			if err != nil {
				continue // it has just gone
			}
			unix.Close(at)
			at, names, below = down, append(names, name), append(below, killGroup(down))
			continue
		}
		if last == 0 {
			return failed
		}
		up, err := unix.Openat(at, "..", openGroup, 0)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("leave a control group: %w", err))
		}
		unix.Close(at)
		at = up
		if err := unix.Unlinkat(at, names[last-1], unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
			failed = fmt.Errorf("remove a control group: %w", err) // of several, the last
		}
		names, below = names[:last-1], below[:last]
	}
}

const openGroup = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// killGroup kills the processes of the control group that is open as at, and returns
// the names of the groups below it. With version 1 a process of a frozen group ends only
// once that is thawed, and a cluster may have frozen groups of its own.
func killGroup(at int) []string {
	defer thawGroup(at)
	if fd, err := unix.Openat(at, "cgroup.procs", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		file := os.NewFile(uintptr(fd), "cgroup.procs")
		text, _ := io.ReadAll(file) // a group that has just gone has none
		file.Close()
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				_ = unix.Kill(pid, unix.SIGKILL) // it may just have ended
			}
		}
	}
	fd, err := unix.Openat(at, ".", openGroup, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "a control group")
	defer file.Close()
	entries, _ := file.ReadDir(-1) // what there is until an error
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// thawGroup lets the processes of the control group that is open as at go on. Groups that
// cannot be frozen, or go on by themselves to be killed as those of version 2, have no such
// file.
func thawGroup(at int) {
	if fd, err := unix.Openat(at, "freezer.state", unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err == nil {
		_, _ = unix.Write(fd, []byte("THAWED")) // it may just have gone
		unix.Close(fd)
	}
}

// dropParents removes the control groups above the clusters', unless another
// cluster is in them. systemd removes its slice's own.
func dropParents() {
	for _, pattern := range []string{"/" + cgroupMount + "/" + cgroupName, "/" + cgroupMount + "/*/" + cgroupName} {
		dirs, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, dir := range dirs {
			_ = os.Remove(dir) // of a group, this removes an empty one only
		}
	}
}
