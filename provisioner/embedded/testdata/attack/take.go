package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// repeat calls one until it fails, or most times.
func repeat(most int, one func(i int) error) (int, error) {
	for i := range most {
		if err := one(i); err != nil {
			return i, err
		}
	}
	return most, nil
}

// takeInotify takes them as several users, since each has a limit of its own.
func takeInotify(most int) (int, error) {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(holderNumber), uintptr(holderNumber), uintptr(holderNumber)); errno != 0 {
		return 0, errno
	}
	return repeat(most, func(int) error {
		_, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		return err
	})
}

// takeWatches watches the same files with many instances.
func takeWatches(most int) (int, error) {
	const files = 4000
	dir, err := holderFolder("/dev/shm")
	if err != nil {
		return 0, err
	}
	for i := range min(files, most) {
		if err := os.WriteFile(fmt.Sprintf("%s/%d", dir, i), nil, 0o600); err != nil {
			return 0, err
		}
	}
	instance := -1
	return repeat(most, func(i int) error {
		if i%files == 0 {
			if instance, err = unix.InotifyInit1(unix.IN_CLOEXEC); err != nil {
				return err
			}
		}
		_, err := unix.InotifyAddWatch(instance, fmt.Sprintf("%s/%d", dir, i%files), unix.IN_ALL_EVENTS)
		return err
	})
}

// takePTYs takes them of a file system of its own, which has no limit but the
// machine's; where that is refused, of the one that is there.
func takePTYs(most int) (int, error) {
	path := "/dev/ptmx"
	if dir, err := holderFolder("/tmp"); err == nil {
		runtime.LockOSThread()
		if unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS) == nil && unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") == nil &&
			unix.Mount("devpts", dir, "devpts", 0, "newinstance,ptmxmode=0666") == nil {
			path = dir + "/ptmx"
		}
	}
	return repeat(most, func(int) error {
		_, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
}

func takeKeys(most int) (int, error) {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(holderNumber), uintptr(holderNumber), uintptr(holderNumber)); errno != 0 {
		return 0, errno
	}
	return repeat(most, func(i int) error {
		_, err := unix.AddKey("user", fmt.Sprintf("%s-%d", marker, i), []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
		return err
	})
}

// takeProcesses starts processes that do nothing.
func takeProcesses(most int) (int, error) {
	runtime.LockOSThread()
	return repeat(most, func(int) error {
		pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 { // the child has one thread of the runtime's, so only plain system calls work
			syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
			for {
				syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
			}
		}
		return nil
	})
}

func takeFiles(most int) (int, error) {
	return repeat(most, func(int) error {
		_, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
}

// takeNamespaces makes namespaces on threads that hold them.
func takeNamespaces(most int, kind int) (int, error) {
	runtime.LockOSThread()
	if kind == unix.CLONE_NEWUSER { // a process with threads can make none
		return repeat(most, func(int) error {
			cmd := exec.Command("/proc/self/exe", "wait")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL}
			return cmd.Start()
		})
	}
	path := map[int]string{unix.CLONE_NEWNS: "/proc/thread-self/ns/mnt", unix.CLONE_NEWNET: "/proc/thread-self/ns/net"}[kind]
	return repeat(most, func(int) error {
		if err := unix.Unshare(kind); err != nil {
			return err
		}
		_, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
}

// takeConnections has the kernel track packets from and to many ports.
func takeConnections(most int) (int, error) {
	var fd int
	return repeat(most, func(i int) error {
		const each = 60_000 // ports of one socket's target
		if i%each == 0 {
			var err error
			if fd != 0 {
				unix.Close(fd)
			}
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
		}
		err := unix.Sendto(fd, nil, unix.MSG_DONTWAIT, &unix.SockaddrInet4{Port: 1024 + i%each, Addr: [4]byte{127, 0, 0, byte(2 + i/each)}})
		if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN) {
			return nil
		}
		return err
	})
}

func takeLoops(most int) (int, error) {
	control, err := unix.Open("/dev/loop-control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		path := filepath.Join("/tmp", newName())
		if err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(10, 237))); err != nil {
			return 0, err
		}
		holderFiles = append(holderFiles, path)
		if control, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			return 0, err
		}
	}
	return repeat(most, func(int) error {
		_, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
		return err
	})
}

// diskFolder is a folder on the disk that the node's kubelet and containerd have;
// outside of a Pod, on any.
func diskFolder() string {
	const node = "/node/var/lib/kubelet"
	if _, err := os.Stat(node); err == nil {
		return node
	}
	return os.TempDir()
}

// takeDisk sets aside what is left, in MiB.
func takeDisk(most int) (int, error) {
	path := filepath.Join(diskFolder(), newName())
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, err
	}
	holderFiles = append(holderFiles, path)
	return repeat(most, func(i int) error { return unix.Fallocate(fd, 0, int64(i)<<20, 1<<20) })
}

// takeInodes makes empty files.
func takeInodes(most int) (int, error) {
	dir, err := holderFolder(diskFolder())
	if err != nil {
		return 0, err
	}
	return repeat(most, func(i int) error {
		return unix.Mknod(fmt.Sprintf("%s/%d", dir, i), unix.S_IFREG|0o600, 0)
	})
}

// holderFolder makes a folder that is removed in the end.
func holderFolder(parent string) (string, error) {
	dir := filepath.Join(parent, newName())
	holderFiles = append(holderFiles, dir)
	return dir, os.Mkdir(dir, 0o777)
}
