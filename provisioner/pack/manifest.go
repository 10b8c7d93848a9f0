package pack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Manifest is manifest.json of a pack.
type Manifest struct {
	Version    int         `json:"version"`
	Kubernetes string      `json:"kubernetes"` // "v1.36.3"
	Arch       string      `json:"arch"`       // as Go names it
	Digest     string      `json:"digest"`     // SHA-256 of Files as compact JSON
	Inputs     string      `json:"inputs"`     // key of the recipe and the sources that it was built of
	Go         string      `json:"go"`         // the version that built the programs
	Components []Component `json:"components"`
	Packages   []Package   `json:"packages"`
	Images     []Image     `json:"images"`
	Files      []File      `json:"files"`
}

// manifestVersion is the form of the manifest and of the folder.
const manifestVersion = 2

// Component is a Go module that is linked into programs of the pack.
type Component struct {
	Name    string   `json:"name"` // of what the pack is there for, else the module's path
	Version string   `json:"version"`
	Module  string   `json:"module"`
	License string   `json:"license"` // SPDX, as far as its text is known; else "see LICENCES.txt"
	Sum     string   `json:"sum"`     // as in go.sum
	In      []string `json:"in"`      // the programs that hold it
}

// Package is a Debian package with files in the pack.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	License string `json:"license,omitempty"` // as its copyright file names it
}

// Image is an image that a node has without pulling.
type Image struct {
	Ref    string `json:"ref"`    // "docker.io/library/nginx:1.28"
	Digest string `json:"digest"` // of its manifest
	Size   int64  `json:"size"`   // of its layers, unpacked and uncompressed
}

// File is a file (with a digest), a symbolic link (with a link) or a folder
// (with neither).
type File struct {
	Path   string `json:"path"` // slashes, relative to the pack
	Mode   string `json:"mode"` // octal permission bits: "0755", "1777"
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Size   int64  `json:"size,omitempty"` // bytes
	Digest string `json:"digest,omitempty"`
	Link   string `json:"link,omitempty"`

	// Extended attributes that change what a file can do; base64 in JSON.
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// Size is that of all files, in bytes. Files that share their content on the disk
// count each.
func (m *Manifest) Size() int64 {
	var size int64
	for _, file := range m.Files {
		size += file.Size
	}
	return size
}

// filesDigest is the digest of a list of files.
func filesDigest(files []File) (string, error) {
	text, err := json.Marshal(files)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func readManifest(file string) (*Manifest, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseManifest(text)
}

// parseManifest reads a manifest and checks that it is one and whole.
func parseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("manifest.json is of version %d, this program knows version %d", m.Version, manifestVersion)
	}
	folders := map[string]bool{}
	for i, file := range m.Files {
		if !filepath.IsLocal(file.Path) || filepath.ToSlash(filepath.Clean(file.Path)) != file.Path || file.Path == manifest {
			return nil, fmt.Errorf("manifest.json: %q is no path of a pack", file.Path)
		}
		if dir := path.Dir(file.Path); dir != "." && !folders[dir] {
			return nil, fmt.Errorf("manifest.json: %q lies in %q, which is no folder of the pack", file.Path, dir)
		}
		folders[file.Path] = file.kind() == "folder"
		if i > 0 && m.Files[i-1].Path >= file.Path {
			return nil, fmt.Errorf("manifest.json: %q is out of order", file.Path)
		}
		if _, err := file.mode(); err != nil {
			return nil, fmt.Errorf("manifest.json: %q: %w", file.Path, err)
		}
	}
	digest, err := filesDigest(m.Files)
	if err != nil {
		return nil, err
	}
	if digest != m.Digest {
		return nil, fmt.Errorf("manifest.json is damaged: its list of files has the digest %s, not %s", digest, m.Digest)
	}
	return &m, nil
}

func (f *File) mode() (fs.FileMode, error) {
	bits, err := strconv.ParseUint(f.Mode, 8, 12)
	if err != nil {
		return 0, fmt.Errorf("mode %q: want octal permission bits", f.Mode)
	}
	return fileMode(int64(bits)), nil
}

// scan lists everything below dir but the manifest, in the order of paths, with
// its digest. Files that share an inode are read once.
func scan(ctx context.Context, dir string) ([]File, error) {
	var files []File
	readers := errgroup.Group{}
	readers.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	digests := map[string]string{} // by path
	first := map[inode]string{}    // the path that is read for an inode
	same := map[string]string{}    // from path to the path that was read for it
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil || relative == manifest {
			return err
		}
		file, node, err := describe(name, filepath.ToSlash(relative))
		if err != nil {
			return err
		}
		files = append(files, file)
		if !entry.Type().IsRegular() {
			return nil
		}
		if read, ok := first[node]; ok {
			same[file.Path] = read
			return nil
		}
		first[node] = file.Path
		readers.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			digest, err := FileDigest(name)
			mu.Lock()
			defer mu.Unlock()
			digests[file.Path] = digest
			return err
		})
		return nil
	})
	if waited := readers.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		return nil, err
	}
	for i := range files {
		file := &files[i]
		file.Digest = digests[cmp.Or(same[file.Path], file.Path)]
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// abilities are the extended attributes that a pack keeps: what a program may do
// and what overlayfs hides.
var abilities = []string{"security.capability", "trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy"}

func xattrs(name string) (map[string][]byte, error) {
	list := make([]byte, 4096)
	n, err := unix.Llistxattr(name, list)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the attributes of %s: %w", name, err)
	}
	var found map[string][]byte
	for key := range strings.SplitSeq(string(list[:n]), "\x00") {
		if !slices.Contains(abilities, key) {
			continue
		}
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(name, key, value)
		if err != nil {
			return nil, fmt.Errorf("read attribute %s of %s: %w", key, name, err)
		}
		if found == nil {
			found = map[string][]byte{}
		}
		found[key] = value[:n]
	}
	return found, nil
}

// inode names a file whatever its paths.
type inode struct{ device, number uint64 }

// describe fills in all of a File but its digest.
func describe(name, relative string) (File, inode, error) {
	stat, err := os.Lstat(name)
	if err != nil {
		return File{}, inode{}, err
	}
	system, ok := stat.Sys().(*syscall.Stat_t)
	if !ok {
		return File{}, inode{}, fmt.Errorf("%s: this system tells no owners of files", name)
	}
	file := File{Path: relative, Mode: fmt.Sprintf("%04o", unixMode(stat.Mode())), UID: int(system.Uid), GID: int(system.Gid)}
	switch {
	case stat.Mode().IsRegular():
		file.Size = stat.Size()
	case stat.Mode()&fs.ModeSymlink != 0:
		file.Mode = "0777"
		if file.Link, err = os.Readlink(name); err != nil {
			return File{}, inode{}, err
		}
		return file, inode{}, nil
	case !stat.IsDir():
		return File{}, inode{}, fmt.Errorf("%s is neither file nor folder nor symbolic link", relative)
	}
	file.Xattrs, err = xattrs(name)
	return file, inode{uint64(system.Dev), system.Ino}, err
}
