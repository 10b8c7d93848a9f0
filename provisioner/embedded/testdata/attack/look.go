package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// look searches everything that can be named for the files args, which are absolute
// paths on the host: in the roots, working folders and open folders of processes, in
// every mount of every namespace, also in what is mounted over something. A mount
// may show a part of the host, so that the ends of the paths are tried, too. A proc
// file system that shows more processes than the Pod's own does counts as found.
func look(args []string) error {
	own := depth("/proc")
	tried := 0
	in := func(where, root string) {
		tried++
		for _, file := range args {
			for name := file; name != ""; {
				if _, err := os.Lstat(root + name); err == nil {
					report(result{Attack: "look", Where: where, Note: name, Done: []string{"found"}})
				}
				_, rest, _ := strings.Cut(name[1:], "/")
				if rest == "" {
					break
				}
				name = "/" + rest
			}
		}
		if n := depth(root); n > own {
			report(result{Attack: "look", Where: where, Note: fmt.Sprintf("a process has %d ids there, and %d in the Pod", n, own), Done: []string{"found"}})
		}
	}
	for _, pid := range processes() {
		for _, link := range []string{"root", "cwd"} {
			in(fmt.Sprintf("%s of process %d", link, pid), fmt.Sprintf("/proc/%d/%s", pid, link))
		}
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // it may have ended
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				in(fmt.Sprintf("%s (descriptor of process %d)", file, pid), file)
			}
		}
	}
	for _, s := range spaces() {
		err := s.inCopy(func(scratch string) error {
			mounts := mountsHere()
			for _, m := range mounts {
				in(s.String()+": "+m.path, m.path)
				if m.root != "/" && canOpenRoot(m.path) {
					report(result{Attack: "look", Where: s.String() + ": " + m.path, Note: "the root of its file system, by a file handle", Done: []string{"found"}})
				}
			}
			// What is mounted later hides what is mounted earlier.
			for i := len(mounts) - 1; i > 0; i-- {
				if unix.Unmount(mounts[i].path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
					in(s.String()+": below "+mounts[i].path, mounts[i].path)
				}
			}
			in(s.String()+": what is left", "/")
			if err := unix.Unmount("/", unix.MNT_DETACH); err == nil {
				in(s.String()+": below the root", "/")
			}
			return nil
		})
		if err != nil {
			report(result{Attack: "look", Where: s.String(), Note: err.Error()})
		}
	}
	report(result{Attack: "look", Count: tried})
	return nil
}

// canOpenRoot reports whether the root of an ext4 file system can be opened by its
// file handle, though only a folder of it is mounted at path.
func canOpenRoot(path string) bool {
	mount, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(mount)
	handle := unix.NewFileHandle(1 /* inode and generation */, []byte{2, 0, 0, 0, 0, 0, 0, 0})
	root, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return false
	}
	unix.Close(root)
	return true
}

// depth returns how many process ids the process that looks has in a proc file
// system: one for each namespace from that of the file system on.
func depth(proc string) int {
	text, err := os.ReadFile(proc + "/thread-self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return len(strings.Fields(ids))
		}
	}
	return 0
}
