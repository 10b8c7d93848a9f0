package pack

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"wheelhouse/provisioner"
)

// manifestLimit is how long a manifest may be, in bytes.
const manifestLimit = 64 << 20

// Import takes an exported pack into the cache and makes it the current one.
// Every byte is checked on the way in; a file that is not whole or not a pack
// leaves everything as it was.
func Import(ctx context.Context, cache, file string, report func(provisioner.Progress)) (*Pack, error) {
	return ImportSigned(ctx, cache, file, nil, report)
}

// ImportSigned is Import of a pack that has to be signed with key, unless that is
// nil.
func ImportSigned(ctx context.Context, cache, file string, key *Key, report func(provisioner.Progress)) (*Pack, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var reader io.Reader = f
	verify := func() error { return nil }
	if key != nil {
		signed, err := openSigned(file, f, key)
		if err != nil {
			return nil, err
		}
		reader, verify = signed, signed.verify
	}
	packed, err := zstd.NewReader(reader, zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	archive := tar.NewReader(contextReader{ctx, packed})
	m, text, err := importManifest(archive)
	if err != nil {
		return nil, importError(ctx, file, err)
	}
	if m.Arch != runtime.GOARCH {
		return nil, &provisioner.Error{Reason: provisioner.NoPack, Message: fmt.Sprintf("The pack in %s is for %s machines; this one is %s.", file, m.Arch, runtime.GOARCH)}
	}
	progress := newParts(m, importRate, report)
	unlock, err := lock(ctx, cache, func() { progress.progress.say("A pack is being built or imported on this machine; waiting for that.") })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := prepareCache(cache); err != nil {
		return nil, err
	}
	if err := room(cache, m); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Join(cache, "tmp"), "import-")
	if err != nil {
		return nil, err
	}
	defer removeAll(dir)
	err = importFiles(archive, dir, m, progress)
	if err == nil {
		_, err = io.Copy(io.Discard, packed) // up to the checksum at its end
	}
	if err == nil {
		err = verify()
	}
	if err != nil {
		return nil, importError(ctx, file, err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifest), text, 0o644); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	p, err := adopt(ctx, cache, dir, m.Digest, nil)
	if err != nil {
		return nil, err
	}
	return p, prune(cache, p)
}

// importError says what a person needs to know of an import that failed.
func importError(ctx context.Context, file string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		return known
	}
	if errors.Is(err, fs.ErrPermission) {
		return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: "Importing a pack needs root, since its files have many owners. Run the command again as root: sudo wheelhouse pack import " + file + "."}
	}
	if errors.Is(err, unix.ENOSPC) {
		return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: "The disk is full. Nothing was imported; make room, or name a folder on another disk with --pack-cache."}
	}
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(
		"%s is no exported pack, or has been damaged on its way. Nothing was imported. Copy it again from where `wheelhouse pack export` made it.", file)}
}

// room says whether the disk has place for the pack.
func room(cache string, m *Manifest) error {
	var size int64
	for _, file := range m.Files {
		size += file.Size + 4096
	}
	return roomFor(cache, size, "The pack")
}

// roomFor fails where the disk of a folder has less than size bytes free.
func roomFor(dir string, size int64, what string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < size {
		return &provisioner.Error{Reason: provisioner.NoPack, Message: fmt.Sprintf(
			"%s needs %d MB in %s, where %d MB are free. Make room, or name a folder on another disk with --pack-cache.", what, size>>20, dir, free>>20)}
	}
	return nil
}

// importManifest reads the first file of an exported pack.
func importManifest(archive *tar.Reader) (*Manifest, []byte, error) {
	header, err := archive.Next()
	if err != nil {
		return nil, nil, err
	}
	if header.Name != manifest || header.Typeflag != tar.TypeReg {
		return nil, nil, fmt.Errorf("it begins with %q, not with %s", header.Name, manifest)
	}
	if header.Size > manifestLimit {
		return nil, nil, fmt.Errorf("its manifest has %d bytes", header.Size)
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		return nil, nil, err
	}
	m, err := parseManifest(text)
	return m, text, err
}

// importFiles makes the files in dir: exactly those that the manifest lists, and
// in its order.
func importFiles(archive *tar.Reader, dir string, m *Manifest, progress *parts) error {
	root, err := os.OpenRoot(dir) // no path leaves it
	if err != nil {
		return err
	}
	defer root.Close()
	known := map[string]*File{}
	var folders []*tar.Header
	for i := range m.Files {
		file := &m.Files[i]
		progress.at(file.Path)
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it ends before %s", file.Path)
		}
		if err != nil {
			return err
		}
		if err := importFile(root, archive, header, file, known); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
		known[file.Path] = file
		if header.Typeflag == tar.TypeDir {
			folders = append(folders, header)
		}
	}
	if header, err := archive.Next(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return fmt.Errorf("it holds %q, which its manifest does not name", header.Name)
	}
	for i := len(folders) - 1; i >= 0; i-- { // what lies in them is there, so that their times stay
		name := strings.TrimSuffix(folders[i].Name, "/")
		if err := root.Chmod(name, fileMode(folders[i].Mode)); err != nil {
			return err
		}
		if err := root.Chtimes(name, folders[i].ModTime, folders[i].ModTime); err != nil {
			return err
		}
	}
	progress.done()
	return nil
}

// importFile makes one file, which must be what the manifest says.
func importFile(root *os.Root, archive *tar.Reader, header *tar.Header, file *File, known map[string]*File) error {
	if got := strings.TrimSuffix(header.Name, "/"); got != file.Path {
		return fmt.Errorf("%q lies in its place", header.Name)
	}
	mode, err := file.mode()
	if err != nil {
		return err
	}
	if header.Uid != file.UID || header.Gid != file.GID || header.Mode != unixMode(mode) {
		return errors.New("it has another owner or mode than the manifest says")
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if file.kind() != "folder" {
			return fmt.Errorf("it is a folder and should be a %s", file.kind())
		}
		if err := root.Mkdir(file.Path, 0o700); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if header.Linkname != file.Link {
			return fmt.Errorf("it links to %q and should to %q", header.Linkname, file.Link)
		}
		if err := root.Symlink(file.Link, file.Path); err != nil {
			return err
		}
		return root.Lchown(file.Path, file.UID, file.GID)
	case tar.TypeLink:
		other := known[header.Linkname]
		if other == nil || file.kind() != "file" || other.Digest != file.Digest || other.differs(file) != "" {
			return fmt.Errorf("it is a link to %q, which is another file", header.Linkname)
		}
		return root.Link(header.Linkname, file.Path)
	case tar.TypeReg:
		if file.kind() != "file" || header.Size != file.Size {
			return fmt.Errorf("it is a file of %d bytes and should be a %s of %d", header.Size, file.kind(), file.Size)
		}
		if err := importText(root, archive, file); err != nil {
			return err
		}
	default:
		return errors.New("it is neither file nor folder nor link")
	}
	if err := root.Lchown(file.Path, file.UID, file.GID); err != nil {
		return err
	}
	if err := importXattrs(root, header, file); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeDir {
		return nil // its mode and time follow when it is full
	}
	if err := root.Chmod(file.Path, mode); err != nil {
		return err
	}
	return root.Chtimes(file.Path, header.ModTime, header.ModTime)
}

// importText writes a file's text and checks it.
func importText(root *os.Root, archive io.Reader, file *File) error {
	f, err := root.OpenFile(file.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, hash), archive)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(hash.Sum(nil)); got != file.Digest {
		return fmt.Errorf("it has the digest %s and should have %s", got, file.Digest)
	}
	return nil
}

// importXattrs sets the extended attributes, which must be the manifest's.
func importXattrs(root *os.Root, header *tar.Header, file *File) error {
	count := 0
	for key, value := range header.PAXRecords {
		name, ok := strings.CutPrefix(key, xattrPrefix)
		if !ok {
			continue
		}
		if string(file.Xattrs[name]) != value {
			return fmt.Errorf("its attribute %s is not what the manifest says", name)
		}
		count++
	}
	if count != len(file.Xattrs) {
		return errors.New("it lacks an attribute that the manifest names")
	}
	if count == 0 {
		return nil
	}
	f, err := root.Open(file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	for name, value := range file.Xattrs {
		if err := unix.Fsetxattr(int(f.Fd()), name, value, 0); err != nil {
			return fmt.Errorf("set its attribute %s: %w", name, err)
		}
	}
	return nil
}
