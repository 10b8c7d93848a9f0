package pack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"wheelhouse/provisioner"
)

// An exported pack is a tar archive compressed with zstd. Its first file is the
// manifest, the others follow in the manifest's order, so that an import knows
// of each what to expect. The same pack gives the same bytes.

// xattrPrefix is how tar's PAX headers name extended attributes.
const xattrPrefix = "SCHILY.xattr."

// Bytes a second that one core packs and unpacks, for estimates.
const (
	exportRate = 80 << 20
	importRate = 150 << 20
)

// Export writes the pack to file, in one step: file is complete, or as it was. It
// returns the size of file in bytes.
func (p *Pack) Export(ctx context.Context, file string, report func(provisioner.Progress)) (size int64, err error) {
	beside, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", file, err)
	}
	defer func() {
		_ = beside.Close()
		if err != nil {
			_ = os.Remove(beside.Name())
		}
	}()
	packed, err := zstd.NewWriter(beside)
	if err != nil {
		return 0, err
	}
	archive := tar.NewWriter(packed)
	if err := p.export(ctx, archive, newParts(p.manifest, exportRate, report)); err != nil {
		return 0, errors.Join(err, packed.Close())
	}
	if err := errors.Join(archive.Close(), packed.Close(), beside.Chmod(0o644), beside.Sync()); err != nil {
		return 0, fmt.Errorf("cannot write %s: %w", file, err)
	}
	stat, err := beside.Stat()
	if err != nil {
		return 0, err
	}
	return stat.Size(), os.Rename(beside.Name(), file)
}

func (p *Pack) export(ctx context.Context, archive *tar.Writer, parts *parts) error {
	text, err := os.ReadFile(filepath.Join(p.dir, manifest))
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: manifest, Mode: 0o644, Size: int64(len(text)), ModTime: epoch, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := archive.Write(text); err != nil {
		return err
	}
	first := map[inode]string{}
	for i := range p.manifest.Files {
		file := &p.manifest.Files[i]
		parts.at(file.Path)
		if err := p.exportFile(ctx, archive, file, first); err != nil {
			return fmt.Errorf("export %s: %w", file.Path, err)
		}
	}
	parts.done()
	return nil
}

// exportFile writes one file as it is on the disk, which must be as the manifest
// says.
func (p *Pack) exportFile(ctx context.Context, archive *tar.Writer, file *File, first map[inode]string) error {
	name := filepath.Join(p.dir, filepath.FromSlash(file.Path))
	got, node, err := describe(name, file.Path)
	if err != nil {
		return damaged(err)
	}
	got.Digest = file.Digest // an import checks it
	if problem := file.differs(&got); problem != "" {
		return damaged(errors.New(problem))
	}
	mode, err := file.mode()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: file.Path, Mode: unixMode(mode), Uid: file.UID, Gid: file.GID, ModTime: epoch, Format: tar.FormatPAX}
	for key, value := range file.Xattrs {
		if header.PAXRecords == nil {
			header.PAXRecords = map[string]string{}
		}
		header.PAXRecords[xattrPrefix+key] = string(value)
	}
	switch file.kind() {
	case "link":
		header.Typeflag, header.Linkname = tar.TypeSymlink, file.Link
		return archive.WriteHeader(header)
	case "folder":
		header.Typeflag, header.Name = tar.TypeDir, file.Path+"/"
	default:
		header.Typeflag, header.Size = tar.TypeReg, file.Size
		if earlier, ok := first[node]; ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, earlier, 0
			return archive.WriteHeader(header)
		}
		first[node] = file.Path
	}
	stat, err := os.Stat(name)
	if err != nil {
		return err
	}
	header.ModTime = stat.ModTime()
	if err := archive.WriteHeader(header); err != nil || header.Typeflag == tar.TypeDir {
		return err
	}
	text, err := os.Open(name)
	if err != nil {
		return err
	}
	defer text.Close()
	_, err = io.Copy(archive, contextReader{ctx, text})
	return err
}

func damaged(err error) error {
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: "The pack is damaged. `wheelhouse pack verify` names every file; `wheelhouse pack build --fresh` makes it anew."}
}

// contextReader ends reading when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// parts reports the progress through a pack's files, a phase for each of its
// folders.
type parts struct {
	progress *progress
	now      string
}

func newParts(m *Manifest, rate int64, report func(provisioner.Progress)) *parts {
	sizes := map[string]int64{}
	var names []string
	for _, file := range m.Files {
		name := partOf(file.Path)
		if _, ok := sizes[name]; !ok {
			names = append(names, name)
		}
		sizes[name] += file.Size
	}
	p := &parts{progress: newProgress(report)}
	for _, name := range names {
		p.progress.plan(name, fmt.Sprintf("%s, %d MB", name, sizes[name]>>20), time.Duration(sizes[name]*int64(time.Second)/rate))
	}
	return p
}

func partOf(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// at says that a file has its turn.
func (p *parts) at(path string) {
	if part := partOf(path); part != p.now {
		p.done()
		p.now = part
		p.progress.start(part)
	}
}

func (p *parts) done() {
	if p.now != "" {
		p.progress.end(p.now)
	}
}
