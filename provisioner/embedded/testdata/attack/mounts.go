package main

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// attackMounts tries to write through every mount of every namespace: as it is, and
// where that fails after each way to make it writable.
func attackMounts([]string) error {
	if _, err := otherUsers(); err != nil { // started here, not in another namespace
		return err
	}
	var failed []error
	for _, s := range spaces() {
		writable := map[int]bool{}
		for _, way := range ways {
			if err := s.inCopy(func(scratch string) error {
				attackSpace(s, way, scratch, writable)
				return nil
			}); err != nil {
				failed = append(failed, fmt.Errorf("%s: %s: %w", s, way.name, err))
			}
		}
	}
	for _, err := range failed { // one that has ended since
		report(result{Attack: "mounts", Way: "enter", Note: err.Error()})
	}
	return nil
}

// attackSpace tries one way on every mount of the namespace that this thread is in.
// writable notes, by their places in the list, the mounts that need no way.
func attackSpace(s space, w way, scratch string, writable map[int]bool) {
	refused := map[string]int{}
	tried := 0
	mounts := append(mountsHere(), control(scratch))
	for i, m := range mounts {
		if writable[i] || m.path == scratch {
			continue
		}
		tried++
		t, err := w.open(m, fmt.Sprintf("%s/place-%d", scratch, i))
		if err != nil {
			refused[errorName(err)]++
			continue
		}
		done, errs := t.write(kernelFS[m.fs])
		t.close()
		for _, err := range errs {
			refused[errorName(err)]++
		}
		if len(done) == 0 {
			continue
		}
		if w.name == asItIs {
			writable[i] = true
		}
		r := result{Attack: "mounts", Way: w.name, Where: s.String() + ": " + m.path, Device: m.device, FS: m.fs, Root: m.root, Done: done}
		if i == len(mounts)-1 {
			r.Attack = "control"
		}
		report(r)
	}
	report(result{Attack: "mounts", Way: w.name, Where: s.String(), Count: tried, Refused: refused})
}

// kernelFS are file systems whose files are no files: what exists there is not
// written to, which attacks of other names do.
var kernelFS = map[string]bool{"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "devpts": true, "mqueue": true, "nsfs": true,
	"securityfs": true, "debugfs": true, "tracefs": true, "bpf": true, "pstore": true, "configfs": true, "binfmt_misc": true}

// control makes a mount that every way can open: it shows that the ways work.
func control(scratch string) mount {
	inner, place := scratch+"/inner", scratch+"/control"
	if err := errors.Join(unix.Mkdir(inner, 0o755), unix.Mkdir(place, 0o755),
		unix.Mount("control", inner, "tmpfs", 0, ""), unix.Mkdir(inner+"/a", 0o755), unix.Mkdir(inner+"/b", 0o755),
		unix.Mount(inner, place, "", unix.MS_BIND, ""),
		unix.Mount("", place, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")); err != nil {
		report(result{Attack: "control", Note: err.Error()})
	}
	var stat unix.Stat_t
	_ = unix.Stat(place, &stat)
	return mount{device: device(uint64(stat.Dev)), root: "/", path: place, flags: unix.MS_RDONLY | unix.MS_RELATIME, fs: "tmpfs", source: "control"}
}

// way is one way to make a mount writable.
type way struct {
	name string
	// open returns where the mount is writable, if the way works. place is a name in
	// memory at which something can be mounted.
	open func(m mount, place string) (target, error)
}

const asItIs = "as it is"

var ways = []way{
	{asItIs, func(m mount, _ string) (target, error) { return at(m.path), nil }},
	{"remount,bind,rw", func(m mount, _ string) (target, error) { return at(m.path), remountBind(m.path, m.flags) }},
	{"remount,rw", func(m mount, _ string) (target, error) {
		return at(m.path), unix.Mount("", m.path, "", unix.MS_REMOUNT|m.flags&^unix.MS_RDONLY, "")
	}},
	{"mount_setattr", func(m mount, _ string) (target, error) {
		return at(m.path), unix.MountSetattr(unix.AT_FDCWD, m.path, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	}},
	{"mount_setattr, recursive", func(m mount, _ string) (target, error) {
		return at(m.path), unix.MountSetattr(unix.AT_FDCWD, m.path, unix.AT_RECURSIVE, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	}},
	{"bind, then remount", func(m mount, place string) (target, error) { return at(place), bind(m, place, 0) }},
	{"recursive bind, then remount", func(m mount, place string) (target, error) { return at(place), bind(m, place, unix.MS_REC) }},
	{"bind, move, then remount", func(m mount, place string) (target, error) {
		if err := bind(m, place, 0); err != nil {
			return target{}, err
		}
		moved := place + "-moved"
		if err := placeLike(m, moved); err != nil {
			return target{}, err
		}
		if err := unix.Mount(place, moved, "", unix.MS_MOVE, ""); err != nil {
			return target{}, err
		}
		return at(moved), remountBind(moved, m.flags)
	}},
	{"open_tree, mount_setattr", func(m mount, _ string) (target, error) {
		fd, err := cloneTree(m, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		return atTree(fd), err
	}},
	{"open_tree, mount_setattr, move_mount", func(m mount, place string) (target, error) {
		fd, err := cloneTree(m, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		if err != nil {
			return target{}, err
		}
		defer unix.Close(fd)
		if err := placeLike(m, place); err != nil {
			return target{}, err
		}
		return at(place), unix.MoveMount(fd, "", unix.AT_FDCWD, place, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}},
	{"fspick, fsconfig", func(m mount, _ string) (target, error) {
		fd, err := unix.Fspick(unix.AT_FDCWD, m.path, unix.FSPICK_CLOEXEC|unix.FSPICK_NO_AUTOMOUNT)
		if err != nil {
			return target{}, err
		}
		defer unix.Close(fd)
		if err := unix.FsconfigSetFlag(fd, "rw"); err != nil {
			return target{}, err
		}
		if err := unix.FsconfigReconfigure(fd); err != nil {
			return target{}, err
		}
		return at(m.path), remountBind(m.path, m.flags) // now that what is below is writable
	}},
	{"mapped ids", func(m mount, _ string) (target, error) {
		users, err := otherUsers()
		if err != nil {
			return target{}, err
		}
		fd, err := cloneTree(m, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY, Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users)})
		return atTree(fd), err
	}},
	{"overlay with it as the upper layer", overlay},
	{"the device mounted again", func(m mount, place string) (target, error) {
		if err := unix.Mkdir(place, 0o755); err != nil {
			return target{}, err
		}
		if !strings.HasPrefix(m.source, "/") {
			return target{}, unix.ENODEV
		}
		return at(place), unix.Mount(m.source, place, m.fs, 0, "")
	}},
}

func remountBind(path string, flags uintptr) error {
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|flags&^unix.MS_RDONLY, "")
}

// bind mounts m at place, too, and makes that writable.
func bind(m mount, place string, recursive uintptr) error {
	if err := placeLike(m, place); err != nil {
		return err
	}
	if err := unix.Mount(m.path, place, "", unix.MS_BIND|recursive, ""); err != nil {
		return err
	}
	return remountBind(place, m.flags)
}

// placeLike makes an empty folder or file, as m is one.
func placeLike(m mount, place string) error {
	var stat unix.Stat_t
	if err := unix.Stat(m.path, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.Mkdir(place, 0o755)
	}
	return unix.Mknod(place, unix.S_IFREG|0o644, 0)
}

// cloneTree copies a mount, attached nowhere, and changes the copy's attributes.
func cloneTree(m mount, attributes *unix.MountAttr) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, m.path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, err
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, attributes); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// overlay mounts an overlay that would write to two folders of the mount.
func overlay(m mount, place string) (target, error) {
	folders, err := foldersOf(m.path, 2)
	if err != nil {
		return target{}, err
	}
	lower := place + "-lower"
	if err := errors.Join(unix.Mkdir(place, 0o755), unix.Mkdir(lower, 0o755)); err != nil {
		return target{}, err
	}
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return target{}, err
	}
	defer unix.Close(fs)
	for _, option := range [][2]string{{"lowerdir", lower}, {"upperdir", m.path + "/" + folders[0]}, {"workdir", m.path + "/" + folders[1]}} {
		if err := unix.FsconfigSetString(fs, option[0], option[1]); err != nil {
			return target{}, err
		}
	}
	_ = unix.FsconfigSetFlag(fs, "userxattr")
	if err := unix.FsconfigCreate(fs); err != nil {
		return target{}, err
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return target{}, err
	}
	defer unix.Close(fd)
	return at(place), unix.MoveMount(fd, "", unix.AT_FDCWD, place, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
