package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// procFD is the Pod's own /proc, which stays in reach in other mount namespaces.
var procFD = func() int {
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return fd
}()

// processes lists the processes that the Pod sees, without this one.
func processes() []int {
	entries, _ := os.ReadDir("/proc") // what cannot be read is attacked by no one
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// space is a mount namespace that can be entered by way of a process in it, or
// because a descriptor of it was found.
type space struct {
	name string // mnt:[4026532000]
	pid  int    // 1 is the node's first process; 0 is none
	who  string // the process's name
	fd   int    // where there is no process
}

func (s space) String() string { return fmt.Sprintf("%s of process %d (%s)", s.name, s.pid, s.who) }

// spaces lists all mount namespaces that the Pod can name: those of processes, its
// own among them, and hidden ones.
func spaces() []space {
	all := spacesOfProcesses()
	for name, fd := range hiddenNamespaces() {
		if strings.HasPrefix(name, "mnt:") && !slices.ContainsFunc(all, func(s space) bool { return s.name == name }) {
			all = append(all, space{name: name, who: "hidden", fd: fd})
		}
	}
	return all
}

func spacesOfProcesses() []space {
	var all []space
	for _, pid := range append([]int{os.Getpid()}, processes()...) {
		name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
		if err != nil || slices.ContainsFunc(all, func(s space) bool { return s.name == name && s.pid < pid }) {
			continue
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // it may have ended
		s := space{name: name, pid: pid, who: strings.TrimSpace(string(text))}
		if at := slices.IndexFunc(all, func(s space) bool { return s.name == name }); at >= 0 {
			all[at] = s
			continue
		}
		all = append(all, s)
	}
	return all
}

// inCopy calls do in a copy of the namespace, on a thread of its own: what do mounts
// there no one else sees. scratch is an empty folder in memory.
func (s space) inCopy(do func(scratch string) error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- func() error {
			if err := s.enter(); err != nil {
				return fmt.Errorf("enter: %w", err)
			}
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("copy: %w", err)
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return fmt.Errorf("make private: %w", err)
			}
			scratch, err := mountScratch()
			if err != nil {
				return err
			}
			return do(scratch)
		}()
	}()
	return <-done
}

// enter puts this thread into the namespace.
func (s space) enter() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if s.pid == 0 {
		return unix.Setns(s.fd, unix.CLONE_NEWNS)
	}
	fd, err := unix.Openat(procFD, fmt.Sprintf("%d/ns/mnt", s.pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNS)
}

// mountScratch mounts an empty file system where nothing else is mounted below.
func mountScratch() (string, error) {
	mounts := mountsHere()
	for _, dir := range []string{"/mnt", "/media", "/srv", "/tmp", "/dev/mqueue", "/proc/fs", "/var/run", "/dev/shm", "/sys/firmware"} {
		var stat unix.Stat_t
		if unix.Lstat(dir, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFDIR ||
			slices.ContainsFunc(mounts, func(m mount) bool { return strings.HasPrefix(m.path, dir+"/") }) {
			continue
		}
		if err := unix.Mount("scratch", dir, "tmpfs", 0, ""); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("nowhere to mount scratch")
}

// mount is a line of mountinfo, as proc_pid_mountinfo(5) has it.
type mount struct {
	id     int
	device string // MAJOR:MINOR
	root   string
	path   string
	flags  uintptr // of the mount, as mount(2) takes them
	fs     string
	source string
}

func (m mount) String() string {
	return fmt.Sprintf("%s (%s of %s, %s)", m.path, m.root, m.source, m.fs)
}

// mountsHere lists the mounts in the namespace of this thread.
func mountsHere() []mount { return mountsOf("thread-self") }

// mountsOf lists the mounts that a process sees; none where that is refused.
func mountsOf(process string) []mount {
	fd, err := unix.Openat(procFD, process+"/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "mountinfo")
	defer file.Close()
	var text strings.Builder
	if _, err := file.WriteTo(&text); err != nil {
		return nil
	}
	var mounts []mount
	for line := range strings.Lines(text.String()) {
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(g) < 2 {
			continue
		}
		m := mount{device: f[2], root: unescape(f[3]), path: unescape(f[4]), fs: g[0], source: unescape(g[1])}
		m.id, _ = strconv.Atoi(f[0])
		for option := range strings.SplitSeq(f[5], ",") {
			m.flags |= mountFlags[option]
		}
		mounts = append(mounts, m)
	}
	return mounts
}

var mountFlags = map[string]uintptr{"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME, "nosymfollow": unix.MS_NOSYMFOLLOW}

var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func unescape(text string) string { return escapes.Replace(text) }

// below returns the path of name from folder, and whether it lies below it.
func below(folder, name string) (string, bool) {
	rel, err := filepath.Rel(folder, name)
	return rel, err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}

// byDepth sorts paths so that what lies deeper comes first.
func byDepth(a, b string) int {
	return cmp.Or(strings.Count(b, "/")-strings.Count(a, "/"), cmp.Compare(a, b))
}
