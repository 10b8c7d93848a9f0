package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What makes a cluster hard to suspend, to stop and to delete. Each takes up to most of
// it, as limits do, and ends with the cluster only.

// child starts a process that waits for ever.
func child() (int, error) {
	runtime.LockOSThread()
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if pid == 0 { // the child has one thread of the runtime's, so only plain system calls work
		for {
			syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	return int(pid), nil
}

// blockSignals has this thread, and the children that it starts, get no signal but those
// that cannot be blocked, until unblock is called.
func blockSignals() (unblock func(), err error) {
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return nil, err
	}
	return func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }, nil
}

// takeDeaf starts processes that block all signals.
func takeDeaf(most int) (int, error) {
	unblock, err := blockSignals()
	if err != nil {
		return 0, err
	}
	defer unblock()
	return repeat(most, func(int) error { _, err := child(); return err })
}

// takeHydras starts processes of which each, again and again, leaves a child in its place
// and ends: whoever kills those of a list is late.
func takeHydras(most int) (int, error) {
	unblock, err := blockSignals()
	if err != nil {
		return 0, err
	}
	defer unblock()
	between := unix.Timespec{Nsec: 5e6} // so that the machine is not loaded by it
	pause := uintptr(unsafe.Pointer(&between))
	return repeat(most, func(int) error {
		pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		for pid == 0 { // as in child
			syscall.RawSyscall(syscall.SYS_NANOSLEEP, pause, 0, 0)
			if next, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0); errno == 0 && next != 0 {
				syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
			}
		}
		return nil
	})
}

// takeStopped starts processes and stops them.
func takeStopped(most int) (int, error) {
	return repeat(most, func(int) error {
		pid, err := child()
		if err != nil {
			return err
		}
		return unix.Kill(pid, unix.SIGSTOP)
	})
}

// takeTraced starts processes that this thread traces and holds.
func takeTraced(most int) (int, error) {
	return repeat(most, func(int) error {
		pid, err := child()
		if err != nil {
			return err
		}
		if err := unix.PtraceSeize(pid); err != nil {
			return err
		}
		if err := unix.PtraceInterrupt(pid); err != nil {
			return err
		}
		_, err = unix.Wait4(pid, nil, unix.WALL, nil)
		return err
	})
}

// nodeGroups is the folder of the node's control groups, of the controller with version 1.
func nodeGroups(controller string) (folder string, version2 bool) {
	const root = "/node/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return root, true
	}
	return filepath.Join(root, controller), false
}

// takeFrozen starts processes in control groups of their own and freezes those.
func takeFrozen(most int) (int, error) {
	parent, version2 := nodeGroups("freezer")
	state, frozen := "freezer.state", "FROZEN"
	if version2 {
		state, frozen = "cgroup.freeze", "1"
	}
	return repeat(most, func(i int) error {
		group := fmt.Sprintf("%s/%s-frozen-%d", parent, marker, i)
		if err := os.Mkdir(group, 0o755); err != nil {
			return err
		}
		pid, err := child()
		if err != nil {
			return err
		}
		if err := os.WriteFile(group+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
			return err
		}
		return os.WriteFile(group+"/"+state, []byte(frozen), 0)
	})
}

// takeGroups makes control groups.
func takeGroups(most int) (int, error) {
	parent, _ := nodeGroups("pids")
	return repeat(most, func(i int) error { return os.Mkdir(fmt.Sprintf("%s/%s-%d", parent, marker, i), 0o755) })
}

// takeMounts mounts a folder many times, each on top of the last.
func takeMounts(most int) (int, error) {
	const each = 100 // on one place
	dir := "/tmp/" + marker + "-mounts"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		return 0, err
	}
	return repeat(most, func(i int) error {
		place := fmt.Sprintf("%s/%d", dir, i/each)
		if i%each == 0 {
			if err := os.Mkdir(place, 0o755); err != nil {
				return err
			}
		}
		return unix.Mount("tmpfs", place, "tmpfs", 0, "size=4k")
	})
}
