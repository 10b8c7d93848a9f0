package embedded_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"wheelhouse/provisioner/embedded"
)

// snapshot is what the host and the clusters that are not attacked from hold.
type snapshot struct {
	host     map[string]string            // by the file's path
	clusters map[string]map[string]string // by the root file system, then by the file's path in it
}

// snapshot reads all files of the folders that an attacker who gets out would reach
// first, and of everything that the nodes, the workstation and the Pods of the
// victim and the neighbour see.
func (a *arena) snapshot(t *testing.T) snapshot {
	t.Helper()
	s := snapshot{host: map[string]string{}, clusters: map[string]map[string]string{}}
	read := newReader()
	for _, dir := range []string{a.options.DataDir, a.options.RunDir, a.cache, filepath.Dir(a.secrets[len(a.secrets)-1])} {
		read.tree(dir, dir, func(path string) bool { return read.otherDevice(dir, path) }, s.host)
	}
	for _, c := range []struct {
		whose string
		*opened
	}{{"victim", a.victim}, {"neighbour", a.neighbour}} {
		for root, files := range c.roots(t, read) {
			s.clusters[c.whose+": "+root] = files
		}
	}
	read.digest(t)
	t.Logf("%d files of the host and %d root file systems; %d MiB were read", len(s.host), len(s.clusters), read.bytes>>20)
	return s
}

// roots lists the files of every root file system in the cluster, by the first words
// of the process that was started first in it.
func (c *opened) roots(t *testing.T, read *reader) map[string]map[string]string {
	t.Helper()
	type space struct{ dir, name string }
	var firsts []space
	seen := map[string]bool{}
	dirs := clusterProcesses(t, c.name)
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(started(a), started(b)) })
	for _, dir := range dirs {
		link, err := os.Readlink(dir + "/ns/mnt")
		command, err2 := os.ReadFile(dir + "/cmdline")
		if err != nil || err2 != nil || seen[link] {
			continue
		}
		seen[link] = true
		firsts = append(firsts, space{dir, string(bytes.ReplaceAll(bytes.Trim(command, "\x00"), []byte{0}, []byte(" ")))})
	}
	found := map[string]map[string]string{}
	for _, s := range firsts {
		name := s.name
		for n := 2; found[name] != nil; n++ {
			name = fmt.Sprintf("%s (%d)", s.name, n)
		}
		skip := map[string]bool{}
		for _, m := range mountsOf(s.dir) {
			skip[m.path] = m.path != "/" && seenElsewhere[m.fs]
		}
		found[name] = map[string]string{}
		read.tree(s.dir+"/root", s.dir+"/root/", func(path string) bool { return skip[strings.TrimPrefix(path, s.dir+"/root")] }, found[name])
	}
	return found
}

// seenElsewhere are types of file systems that are not looked into: the kernel's own,
// which hold no files, and other Pods' roots as a node sees them.
var seenElsewhere = map[string]bool{"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "devpts": true, "mqueue": true, "overlay": true}

// started is when a process was started, in ticks since the machine was.
func started(dir string) uint64 {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return 0
	}
	ticks, _ := strconv.ParseUint(fields[19], 10, 64)
	return ticks
}

// reader lists files, and reads each that lies at several paths once.
type reader struct {
	bytes int64
	files map[fileID]*readFile
}

type fileID struct {
	device, inode uint64
	ctime         syscall.Timespec
}

type readFile struct {
	path   string
	digest string
	uses   []func(digest string)
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
		text := fmt.Sprintf("%v %s:%s", info.Mode(), ownID(stat.Uid), ownID(stat.Gid))
		switch {
		case info.Mode().IsRegular():
			text += fmt.Sprintf(" %d bytes of %s", stat.Size, info.ModTime().UTC().Format("2006-01-02 15:04:05.000000000"))
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

// ownID names an id of the host's as its cluster does: no two clusters share any.
func ownID(id uint32) string {
	if id < firstID {
		return strconv.FormatUint(uint64(id), 10)
	}
	return fmt.Sprintf("cluster's %d", (id-firstID)%embedded.IDCount)
}

// ofPack keeps the files that are as the pack has them, by the one time that all
// files of its image have: a new cluster's other files are its own.
func ofPack(files map[string]string) map[string]string {
	kept := map[string]string{}
	for path, text := range files {
		if strings.Contains(text, " bytes of 2026-01-01 00:00:00.000000000 ") {
			kept[path] = text
		}
	}
	return kept
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

// allowed is a difference that is none of an attacker's.
type allowed struct {
	where *regexp.Regexp // of "WHOSE: PATH"
	why   string
}

// testUnchanged compares the host and the other clusters with what they were, and a
// cluster that is made now with the victim.
func (a *arena) testUnchanged(t *testing.T, before snapshot) {
	fresh := a.newCluster(t)
	after := a.snapshot(t)
	t.Run("host", func(t *testing.T) { compare(t, "host", before.host, after.host, a.allowedOnHost(fresh.name)) })
	for _, root := range sortedKeys(before.clusters) {
		t.Run(root, func(t *testing.T) {
			if after.clusters[root] == nil {
				t.Errorf("%s is gone", root)
				return
			}
			compare(t, root, before.clusters[root], after.clusters[root], allowedInClusters)
		})
	}
	read := newReader()
	roots := fresh.roots(t, read)
	read.digest(t)
	compared := 0
	for _, root := range sortedKeys(roots) {
		old := before.clusters["victim: "+root]
		if old == nil {
			continue // named after something of its own
		}
		compared++
		t.Run("a new cluster: "+root, func(t *testing.T) { compare(t, root, ofPack(old), ofPack(roots[root]), nil) })
	}
	if compared < len(a.images(t)) {
		t.Errorf("only %d root file systems of a new cluster were compared: %q", compared, sortedKeys(roots))
	}
	for _, c := range []*opened{a.victim, a.neighbour, fresh} {
		if said, exit := c.Run(t, "kubectl exec images -c "+a.busybox(t)+" -- find / -xdev -name 'wheelhouse-attack-*'"); exit != 0 || said != "" {
			t.Errorf("a Pod of %s finds %s", c.name, said)
		}
	}
}

// busybox is the container, in the Pod of all images, that has a shell.
func (a *arena) busybox(t *testing.T) string {
	t.Helper()
	at := slices.IndexFunc(a.images(t), func(ref string) bool { return strings.Contains(ref, "busybox:1.36") })
	if at < 0 {
		t.Fatalf("there is no busybox among %q", a.images(t))
	}
	return fmt.Sprintf("c%d", at)
}
