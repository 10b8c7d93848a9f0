package embedded_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// reader lists files, and reads each that lies at several paths once.
type reader struct {
	bytes int64
	files map[fileID]*readFile
	ids   []idMap // by which owners are told; nil tells the host's ids
}

// idMap is a line of uid_map, as user_namespaces(7) has it.
type idMap struct{ inside, outside, count uint32 }

// idsOf reads how a process's user ids are mapped. Groups are mapped alike.
func idsOf(dir string) []idMap {
	text, _ := os.ReadFile(dir + "/uid_map") // of one that has just ended, there are none
	var ids []idMap
	for line := range strings.Lines(string(text)) {
		var m idMap
		if _, err := fmt.Sscan(line, &m.inside, &m.outside, &m.count); err == nil {
			ids = append(ids, m)
		}
	}
	return ids
}

// id tells an id of the host's as the process does whose root is read.
func (r *reader) id(host uint32) string {
	for _, m := range r.ids {
		if host >= m.outside && host-m.outside < m.count {
			return fmt.Sprint(host - m.outside + m.inside)
		}
	}
	return fmt.Sprintf("host:%d", host)
}

type fileID struct {
	device, inode uint64
	ctime         syscall.Timespec
}

type readFile struct {
	path string
	uses []func(digest string)
}

func newReader() *reader { return &reader{files: map[fileID]*readFile{}} }

func (r *reader) otherDevice(root, path string) bool {
	var a, b syscall.Stat_t
	return syscall.Lstat(root, &a) == nil && syscall.Lstat(path, &b) == nil && a.Dev != b.Dev
}

// tree notes each file below root in files, by its path there, but for folders that
// skip says so of. What vanishes meanwhile is none.
func (r *reader) tree(root, from string, skip func(path string) bool, files map[string]string) {
	_ = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if path != from && skip(path) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		stat := info.Sys().(*syscall.Stat_t)
		name := path
		if from != root {
			name = strings.TrimPrefix(path, root)
		}
		text := fmt.Sprintf("%v %s:%s", info.Mode(), r.id(stat.Uid), r.id(stat.Gid))
		switch {
		case info.Mode().IsRegular():
			text += fmt.Sprintf(" %d bytes of %s", stat.Size, info.ModTime().UTC().Format("15:04:05.000000000"))
			id := fileID{uint64(stat.Dev), stat.Ino, stat.Ctim}
			if r.files[id] == nil {
				r.files[id] = &readFile{path: path}
			}
			r.files[id].uses = append(r.files[id].uses, func(digest string) { files[name] = text + " " + digest })
		case info.Mode()&fs.ModeSymlink != 0:
			link, _ := os.Readlink(path) // one that has just gone
			files[name] = text + " to " + link
		default:
			files[name] = text
		}
		return nil
	})
}

// digest reads the files that were listed.
func (r *reader) digest(t *testing.T) {
	t.Helper()
	var wait sync.WaitGroup
	var mu sync.Mutex
	work := make(chan *readFile)
	for range 2 {
		wait.Go(func() {
			for file := range work {
				digest, n, err := sum(file.path)
				mu.Lock()
				r.bytes += n
				if err != nil {
					digest = err.Error()
				}
				for _, use := range file.uses {
					use(digest)
				}
				mu.Unlock()
			}
		})
	}
	for _, file := range r.files {
		work <- file
	}
	close(work)
	wait.Wait()
}

// sum is the SHA-256 of a file. One with holes is not read there.
func sum(path string) (string, int64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		var number syscall.Errno
		if errors.As(err, &number) {
			return "", 0, number // without the path, which has a process's number in it
		}
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	const most = 1 << 30 // bytes; disks of clusters are longer, and are not compared
	n, err := io.Copy(hash, io.LimitReader(file, most))
	return hex.EncodeToString(hash.Sum(nil))[:16], n, err
}
