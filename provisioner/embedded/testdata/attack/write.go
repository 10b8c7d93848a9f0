package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// target is a file or folder to write to: a path from an open folder.
type target struct {
	dir  int
	path string
	tree int // a descriptor that close closes; 0 for none
}

func at(path string) target { return target{dir: unix.AT_FDCWD, path: path} }

// atTree is the root of a mount that is attached nowhere.
func atTree(fd int) target {
	return target{procFD, fmt.Sprintf("thread-self/fd/%d", fd), max(fd, 0)}
}

func (t target) close() {
	if t.tree != 0 {
		unix.Close(t.tree)
	}
}

func (t target) join(name string) target { return target{dir: t.dir, path: t.path + "/" + name} }

// serial tells the names of new files apart.
var serial int

func newName() string {
	serial++
	return fmt.Sprintf("%s-%d-%d", marker, os.Getpid(), serial)
}

// write changes all that can be changed, and returns what was let happen and what
// refused the rest. Only the first new file stays. In a file system of the kernel's,
// what exists is left alone.
func (t target) write(kernel bool) (done []string, refused []error) {
	try := func(what string, err error) {
		if err == nil {
			done = append(done, what)
			return
		}
		refused = append(refused, err)
	}
	var stat unix.Stat_t
	if err := unix.Fstatat(t.dir, t.path, &stat, 0); err != nil {
		return nil, []error{err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		switch {
		case kernel:
		case stat.Mode&unix.S_IFMT == unix.S_IFREG:
			t.rewrite(&stat, try)
		default:
			try("chmod", unix.Fchmodat(t.dir, t.path, stat.Mode&0o7777, 0))
		}
		return done, refused
	}
	file := t.join(newName())
	try("create", file.create())
	if kernel {
		_ = unix.Unlinkat(file.dir, file.path, 0)
	}
	if folder := t.join(newName()); true {
		err := unix.Mkdirat(folder.dir, folder.path, 0o755)
		try("mkdir", err)
		if err == nil {
			_ = unix.Unlinkat(folder.dir, folder.path, unix.AT_REMOVEDIR)
		}
	}
	if kernel {
		return done, refused
	}
	link := t.join(newName())
	try("symlink", errors.Join(unix.Symlinkat(marker, link.dir, link.path)))
	_ = unix.Unlinkat(link.dir, link.path, 0)
	if len(done) > 0 { // that is enough to know; what exists here may be in use
		for _, folder := range t.folders() { // of which one may be the root of a Pod
			_ = folder.join(newName()).create()
		}
		return done, refused
	}
	old, ok := t.firstFile()
	if !ok {
		return done, refused
	}
	if err := unix.Fstatat(old.dir, old.path, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return done, append(refused, err)
	}
	old.rewrite(&stat, try)
	beside := t.join(newName())
	err := unix.Linkat(old.dir, old.path, beside.dir, beside.path, 0)
	try("link", err)
	if err == nil {
		try("unlink", unix.Unlinkat(beside.dir, beside.path, 0))
	}
	err = unix.Renameat2(old.dir, old.path, beside.dir, beside.path, unix.RENAME_NOREPLACE)
	try("rename", err)
	if err == nil {
		try("rename back", unix.Renameat2(beside.dir, beside.path, old.dir, old.path, unix.RENAME_NOREPLACE))
	}
	return done, refused
}

func (t target) create() error {
	fd, err := unix.Openat(t.dir, t.path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(marker+"\n"))
	return err
}

// folders lists some folders in the folder.
func (t target) folders() []target {
	const most = 8
	fd, err := unix.Openat(t.dir, t.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	dir := os.NewFile(uintptr(fd), t.path)
	defer dir.Close()
	entries, _ := dir.ReadDir(most) // as many as can be read
	var found []target
	for _, entry := range entries {
		if entry.IsDir() {
			found = append(found, t.join(entry.Name()))
		}
	}
	return found
}

// rewrite writes to an existing file what it holds, and sets what it has. A file
// that cannot be opened because it is being executed could be a moment later.
func (t target) rewrite(stat *unix.Stat_t, try func(string, error)) {
	fd, err := unix.Openat(t.dir, t.path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ETXTBSY) {
		try("open, but that it runs", nil)
	} else {
		try("open", err)
	}
	if err == nil {
		first := make([]byte, 1)
		if n, _ := unix.Pread(fd, first, 0); n == 1 {
			_, err := unix.Pwrite(fd, first, 0)
			try("write", err)
		}
		try("truncate", unix.Ftruncate(fd, stat.Size))
		unix.Close(fd)
	}
	try("chmod", unix.Fchmodat(t.dir, t.path, stat.Mode&0o7777, 0))
	try("utimes", unix.UtimesNanoAt(t.dir, t.path, []unix.Timespec{stat.Atim, stat.Mtim}, 0))
	if fd, err := unix.Openat(t.dir, t.path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
		err := unix.Fsetxattr(fd, "user."+marker, []byte("x"), 0)
		try("setxattr", err)
		if err == nil {
			_ = unix.Fremovexattr(fd, "user."+marker)
		}
		unix.Close(fd)
	}
}

// firstFile finds a regular file in the folder that lies on the same mount.
func (t target) firstFile() (target, bool) {
	const (
		mostFolders = 300
		flags       = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	)
	var own unix.Statx_t
	if unix.Statx(t.dir, t.path, 0, unix.STATX_MNT_ID, &own) != nil {
		return target{}, false
	}
	queue := []target{t}
	for n := 0; len(queue) > 0 && n < mostFolders; n++ {
		folder := queue[0]
		queue = queue[1:]
		openFlags := flags
		if folder == t {
			openFlags &^= unix.O_NOFOLLOW // of a tree, it is a link
		}
		fd, err := unix.Openat(folder.dir, folder.path, openFlags, 0)
		if err != nil {
			continue
		}
		dir := os.NewFile(uintptr(fd), folder.path)
		names, _ := dir.Readdirnames(mostFolders) // as many as there are
		dir.Close()
		for _, name := range names {
			entry := folder.join(name)
			var stat unix.Statx_t
			if unix.Statx(entry.dir, entry.path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID|unix.STATX_TYPE, &stat) != nil || stat.Mnt_id != own.Mnt_id {
				continue
			}
			switch stat.Mode & unix.S_IFMT {
			case unix.S_IFREG:
				return entry, true
			case unix.S_IFDIR:
				queue = append(queue, entry)
			}
		}
	}
	return target{}, false
}

// foldersOf lists n folders in the folder.
func foldersOf(folder string, n int) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() && len(found) < n {
			found = append(found, entry.Name())
		}
	}
	if len(found) < n {
		return nil, unix.ENOENT
	}
	return found, nil
}

// otherUsers returns a user namespace below the Pod's own.
var otherUsers = sync.OnceValues(func() (int, error) {
	program, err := os.Executable()
	if err != nil {
		return -1, err
	}
	cmd := exec.Command(filepath.Clean(program), "wait")
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1000}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return -1, err
	}
	return unix.Openat(procFD, fmt.Sprintf("%d/ns/user", cmd.Process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
})
