package pack

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time of every folder and of every file that is written by us: the
// same inputs give the same bytes. Debian's files keep their own.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// tree is a file system that is being put together: in memory, so that owners
// and modes are right whoever builds it. It ends as a folder or as a layer of
// an image.
type tree struct {
	entries map[string]*entry // by slash-separated path without a leading slash
	systemd bool              // what packages bring for systemd stays
}

// entry is one file, folder or link. Its text lies in memory or in a file.
type entry struct {
	mode     fs.FileMode // type and permissions; only regular files, folders and symbolic links
	uid, gid int
	time     time.Time
	link     string // what a symbolic link says
	text     []byte
	file     string // where the text lies, if not in memory
}

func newTree() *tree {
	t := &tree{entries: map[string]*entry{}}
	// Debian's merged /usr: packages still say /bin, and mean /usr/bin.
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		t.folder("usr/"+name, 0o755)
		t.link(name, "usr/"+name)
	}
	return t
}

// clean turns a path of a package into that of the tree, through the links of
// the merged /usr.
func (t *tree) clean(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, rest, deeper := strings.Cut(name, "/")
	if deeper && t.entries[first] != nil && t.entries[first].link == "usr/"+first {
		return "usr/" + first + "/" + rest
	}
	return name
}

// put adds an entry and the folders above it.
func (t *tree) put(name string, e *entry) {
	name = t.clean(name)
	if name == "" {
		return
	}
	if old := t.entries[name]; old != nil && e.mode.IsDir() && old.link == "usr/"+name {
		return // a package brings /bin, which is a link here
	}
	if dir := path.Dir(name); dir != "." && t.entries[dir] == nil {
		t.folder(dir, 0o755)
	}
	if e.mode.IsDir() {
		e.time = epoch
	}
	t.entries[name] = e
}

func (t *tree) folder(name string, mode fs.FileMode) {
	t.put(name, &entry{mode: fs.ModeDir | mode})
}

func (t *tree) link(name, target string) {
	t.put(name, &entry{mode: fs.ModeSymlink | 0o777, link: target, time: epoch})
}

func (t *tree) text(name, text string, mode fs.FileMode) {
	t.put(name, &entry{mode: mode, text: []byte(text), time: epoch})
}

// copy adds a file of the disk, which must stay until the tree is written, and is
// given the mode, owner and time that it has in the tree.
func (t *tree) copy(name, file string, mode fs.FileMode) {
	t.put(name, &entry{mode: mode, file: file, time: epoch})
}

// remove takes out name and everything below it.
func (t *tree) remove(name string) {
	name = t.clean(name)
	maps.DeleteFunc(t.entries, func(p string, _ *entry) bool { return p == name || strings.HasPrefix(p, name+"/") })
}

// merge adds everything of other that t does not have yet.
func (t *tree) merge(other *tree) {
	for _, name := range other.paths() {
		if t.entries[name] == nil {
			t.put(name, other.entries[name])
		}
	}
}

// paths returns all paths, a folder before what it holds.
func (t *tree) paths() []string {
	return slices.SortedFunc(maps.Keys(t.entries), func(a, b string) int {
		return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
}

// open returns an entry's text.
func (e *entry) open() (io.ReadCloser, int64, error) {
	if e.file == "" {
		return io.NopCloser(bytes.NewReader(e.text)), int64(len(e.text)), nil
	}
	f, err := os.Open(e.file)
	if err != nil {
		return nil, 0, err
	}
	stat, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, stat.Size(), nil
}

// layer writes the tree as an image's layer.
func (t *tree) layer(w io.Writer) error {
	archive := tar.NewWriter(w)
	for _, name := range t.paths() {
		if err := t.entries[name].archive(archive, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return archive.Close()
}

func (e *entry) archive(archive *tar.Writer, name string) error {
	header := &tar.Header{Name: name, Mode: unixMode(e.mode), Uid: e.uid, Gid: e.gid, ModTime: e.time, Format: tar.FormatPAX}
	switch {
	case e.mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		return archive.WriteHeader(header)
	case e.mode&fs.ModeSymlink != 0:
		header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
		return archive.WriteHeader(header)
	}
	text, size, err := e.open()
	if err != nil {
		return err
	}
	defer text.Close()
	header.Typeflag, header.Size = tar.TypeReg, size
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, text)
	return err
}

// write makes the tree in the empty folder dir. It needs the right to give files
// away.
func (t *tree) write(dir string) error {
	paths := t.paths()
	for _, name := range paths {
		if err := t.entries[name].write(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(paths) { // writing into a folder has changed its time
		if e := t.entries[name]; e.mode.IsDir() {
			if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(name)), e.time, e.time); err != nil {
				return err
			}
		}
	}
	return os.Chtimes(dir, epoch, epoch)
}

func (e *entry) write(file string) error {
	switch {
	case e.mode.IsDir():
		if err := os.Mkdir(file, 0o700); err != nil {
			return err
		}
	case e.mode&fs.ModeSymlink != 0:
		if err := os.Symlink(e.link, file); err != nil {
			return err
		}
		return os.Lchown(file, e.uid, e.gid)
	default:
		if err := e.writeText(file); err != nil {
			return err
		}
	}
	if err := os.Lchown(file, e.uid, e.gid); err != nil {
		return err
	}
	if err := os.Chmod(file, e.mode); err != nil { // after the owner, whose change takes set-user-id away
		return err
	}
	return os.Chtimes(file, e.time, e.time)
}

// writeText makes the file, as a link to where its text lies if that can be: what
// many root file systems hold is then once on the disk and once in memory.
func (e *entry) writeText(file string) error {
	if e.file != "" && os.Link(e.file, file) == nil {
		return nil
	}
	text, _, err := e.open()
	if err != nil {
		return err
	}
	defer text.Close()
	return writeNew(file, text)
}

// writeNew makes a file that must not exist yet.
func writeNew(file string, text io.Reader) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// unixMode returns the permission bits as Unix numbers them.
func unixMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	for flag, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// fileMode is the inverse of unixMode.
func fileMode(bits int64) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	for flag, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if bits&bit != 0 {
			mode |= flag
		}
	}
	return mode
}
