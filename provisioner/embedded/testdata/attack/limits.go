package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit is something that a machine has only so many of.
type limit struct {
	// take takes up to most of them, keeps them until the process ends, and returns
	// how many it got and what refused the next one.
	take func(most int) (int, error)

	// processes that take them together: for each holds for what one may have.
	processes int
}

var limits = map[string]limit{
	"inotify instances": {takeInotify, 4},
	"inotify watches":   {takeWatches, 1},
	"ptys":              {takePTYs, 4},
	"keys":              {takeKeys, 4},
	"processes":         {takeProcesses, 1},
	"open files":        {takeFiles, 8},
	"user namespaces":   {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWUSER) }, 1},
	"mount namespaces":  {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWNS) }, 1},
	"net namespaces":    {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWNET) }, 1},
	"connections":       {takeConnections, 1},
	"loop devices":      {takeLoops, 1},
	"disk":              {takeDisk, 1},
	"inodes":            {takeInodes, 1},
}

// holdLimit takes up to args[1] of the limit args[0], reports how many it got and
// what refused more, and leaves processes behind that hold them: for args[2]
// seconds, or until they are killed. Without args[2] they go at once.
func holdLimit(args []string) error {
	l, ok := limits[args[0]]
	most, err := strconv.Atoi(args[1])
	if !ok || err != nil {
		return fmt.Errorf("no limit %q", args)
	}
	seconds := "0"
	if len(args) > 2 {
		seconds = args[2]
	}
	if seconds == "0" {
		l.processes = 1 // as this user alone
	}
	r := result{Attack: "hold", Way: args[0], Refused: map[string]int{}}
	share := (most + l.processes - 1) / l.processes
	for i := range l.processes {
		read, write, err := os.Pipe()
		if err != nil {
			return err
		}
		cmd := exec.Command("/proc/self/exe", "holder", args[0], strconv.Itoa(share), seconds, strconv.Itoa(i))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.ExtraFiles = []*os.File{write}
		if err := cmd.Start(); err != nil {
			r.Refused[errorName(err)]++
			break
		}
		write.Close()
		var got held
		if err := json.NewDecoder(read).Decode(&got); err != nil {
			r.Refused["the holder ended: "+err.Error()]++
		}
		read.Close()
		r.Count += got.Count
		if got.Refused != "" {
			r.Refused[got.Refused]++
		}
	}
	report(r)
	return nil
}

// held is what a holder tells on descriptor 3.
type held struct {
	Count   int
	Refused string
}

func beHolder(args []string) {
	most, _ := strconv.Atoi(args[1])
	seconds, _ := strconv.Atoi(args[2])
	number, _ := strconv.Atoi(args[3])
	out := os.NewFile(3, "out")
	holderNumber = number
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}) // or as many as it may
	count, err := limits[args[0]].take(most)
	answer := held{Count: count}
	if err != nil {
		answer.Refused = errorName(err)
	}
	_ = json.NewEncoder(out).Encode(answer) // who started it may have gone
	out.Close()
	if seconds > 0 {
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	for _, path := range holderFiles {
		_ = os.RemoveAll(path)
	}
}

var (
	holderNumber int      // which of the processes that take a limit together
	holderFiles  []string // what is removed in the end
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
