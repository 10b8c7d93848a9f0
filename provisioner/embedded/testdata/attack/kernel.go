package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempts are single system calls. Those that are nil were let happen.
var attempts = map[string]func(args []string) error{
	"module":   func([]string) error { return unix.InitModule([]byte{0}, "") },
	"kexec":    func([]string) error { return call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0) },
	"clock":    clock,
	"log":      func([]string) error { _, err := unix.Klogctl(unix.SYSLOG_ACTION_CLEAR, nil); return err },
	"account":  func([]string) error { return unix.Acct("/tmp") },
	"swap":     func([]string) error { return call(unix.SYS_SWAPOFF, 0) },
	"ports":    func([]string) error { return unix.Iopl(3) },
	"bpf":      bpf,
	"perf":     perf,
	"key":      key,
	"handle":   handle,
	"dial":     dial,
	"settings": settings,
	"mknod":    mknod,
	"vsock":    vsock,
}

// try makes the attempt named by args[0]. It ends the program, with 0 if that was let
// happen, and otherwise says what refused it.
func try(args []string) {
	if attempts[args[0]] == nil {
		fmt.Println("there is no such attempt")
		os.Exit(126) // as shells say of what cannot be run
	}
	if err := attempts[args[0]](args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("it was let happen")
	os.Exit(0)
}

func call(number uintptr, args ...uintptr) error {
	var all [6]uintptr
	copy(all[:], args)
	if _, _, errno := unix.Syscall6(number, all[0], all[1], all[2], all[3], all[4], all[5]); errno != 0 {
		return errno
	}
	return nil
}

// clock sets the time to what it is.
func clock([]string) error {
	now := unix.NsecToTimespec(time.Now().UnixNano())
	return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
}

// bpf loads a program that looks into the kernel: "exit 0" of the type kprobe.
func bpf([]string) error {
	program := [...]uint64{0x00000000000000b7, 0x0000000000000095}
	license := [...]byte{'G', 'P', 'L', 0}
	attr := struct {
		kind, count   uint32
		insns, licens uint64
		rest          [96]byte
	}{kind: 2, count: 2, insns: uint64(uintptr(unsafe.Pointer(&program))), licens: uint64(uintptr(unsafe.Pointer(&license)))}
	return call(unix.SYS_BPF, 5 /* BPF_PROG_LOAD */, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
}

// perf counts what every process does.
func perf([]string) error {
	attr := &unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK}
	attr.Size = uint32(unsafe.Sizeof(*attr))
	_, err := unix.PerfEventOpen(attr, -1, 0, -1, 0)
	return err
}

// key reads the key with the serial number args[0].
func key(args []string) error {
	serial, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	_, err = unix.KeyctlBuffer(unix.KEYCTL_READ, serial, make([]byte, 64), 64)
	return err
}

// handle opens the root of the file system that the folder args[0] lies on:
// inode 2 of an ext file system.
func handle(args []string) error {
	dir, err := unix.Open(args[0], unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	root := unix.NewFileHandle(1 /* inode and generation */, []byte{2, 0, 0, 0, 0, 0, 0, 0})
	_, err = unix.OpenByHandleAt(dir, root, unix.O_RDONLY)
	return err
}

// dial connects to one of the addresses: NETWORK=ADDRESS.
func dial(args []string) error {
	var refused []error
	for _, arg := range args {
		network, address, _ := strings.Cut(arg, "=")
		conn, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			conn.Close()
			fmt.Println(arg)
			return nil
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}

// namespaced are the settings that a container has for itself.
var namespaced = regexp.MustCompile(`^/proc/sys/(net/|user/|fs/mqueue/|fs/binfmt_misc|kernel/(hostname|domainname|sem|shm|msg|auto_msgmni|ns_last_pid|pid_max))|^/proc/pressure/|^/sys/(class/net|devices/virtual/net|fs/cgroup)/`)

// settings opens every setting of the kernel for writing.
func settings([]string) error {
	var open []string
	for _, root := range []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/acpi", "/proc/fs", "/proc/bus", "/sys"} {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error { // what cannot be read cannot be written
			if err != nil || !entry.Type().IsRegular() || namespaced.MatchString(path) {
				return nil
			}
			if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
				unix.Close(fd)
				open = append(open, path)
			}
			return nil
		})
	}
	if len(open) == 0 {
		return errors.New("none can be written")
	}
	fmt.Println(strings.Join(open, "\n"))
	return nil
}

// mknod makes the device args[0] (b or c), args[1], args[2] in each of the folders that follow.
func mknod(args []string) error {
	major, _ := strconv.Atoi(args[1])
	minor, _ := strconv.Atoi(args[2])
	kind := map[string]uint32{"b": unix.S_IFBLK, "c": unix.S_IFCHR}[args[0]]
	var refused []error
	for _, dir := range args[3:] {
		path := filepath.Join(dir, "device")
		err := unix.Mknod(path, kind|0o600, int(unix.Mkdev(uint32(major), uint32(minor))))
		if err == nil {
			defer os.Remove(path)
			_, err = os.ReadFile(path)
		}
		if err == nil {
			return nil
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}
