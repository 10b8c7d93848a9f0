package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/pack"
)

// A seed is a database of etcd that holds what every new cluster has: roles, the
// add-ons' objects, their pods waiting for a node. A cluster that starts from it
// is spared a second or two. There is one for each pack and version of this
// program; the first creation makes it.

const (
	seedsFolder = ".seeds" // in the store; no cluster has such a name
	seedCluster = ".seed"  // the folder of the one that is being made
)

// seedKey names what a seed depends on.
func (p *Provider) seedKey(runtimePack *pack.Pack) string {
	hash := sha256.New()
	fmt.Fprintln(hash, runtimePack.Manifest().Digest)
	hash.Write(p.options.Machine)
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// seed returns the folder of the seed for the pack, and makes it the first time.
func (p *Provider) seed(ctx context.Context, runtimePack *pack.Pack, t *provisioner.Tracker) (string, error) {
	folder := filepath.Join(p.store.dir, seedsFolder, p.seedKey(runtimePack))
	p.seeds.Lock()
	defer p.seeds.Unlock()
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	t.Start(phaseSeed)
	// It may take as long as the creation that it is a part of.
	if err := p.makeSeed(ctx, runtimePack, folder); err != nil {
		return "", fmt.Errorf("prepare what every cluster starts from: %w", err)
	}
	return folder, nil
}

// makeSeed runs a control plane until the database is ripe, and keeps that. Seeds
// of other packs go.
func (p *Provider) makeSeed(ctx context.Context, runtimePack *pack.Pack, folder string) (err error) {
	r := record{Name: seedCluster, Layout: layout, State: provisioner.Creating, Pack: runtimePack.Dir(), Container: p.store.container(seedCluster), CreatedAt: time.Now().UTC()}
	if err := p.destroy(ctx, r); err != nil { // of an earlier try that was killed
		return err
	}
	plan, err := machine.Plan("kubernetes", runtimePack.Manifest().Kubernetes, 0)
	if err != nil {
		return err
	}
	plan.Seed, plan.Images = true, imagesOf(runtimePack)
	b := &build{Provider: p, record: r, plan: plan}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWithin)
		defer cancel()
		err = errors.Join(err, p.destroy(cleanup, b.record))
	}()
	if err := p.store.begin(b.record); err != nil {
		return err
	}
	own := p.store.folder(seedCluster)
	if b.record.IDs, err = takeIDs(p.options.RunDir, own); err != nil {
		return err
	}
	if err := b.writeCluster(own); err != nil {
		return err
	}
	if err := b.start(ctx, runtimePack); err != nil {
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for b.record.Process.alive() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	if end, err := b.end(); err != nil || end != (machine.End{}) {
		return &brokenError{part: "the control plane", cause: b.causeOf(end.Cause), log: end.Message + "\n" + b.seedLog()}
	}
	if err := os.RemoveAll(filepath.Dir(folder)); err != nil {
		return err
	}
	partial := folder + ".partial"
	if err := copySparse(filepath.Join(own, etcdFolder), partial, os.Getuid()); err != nil {
		return err
	}
	return os.Rename(partial, folder)
}

// copySparse copies a folder of files, but for what was only set aside of them:
// etcd takes 64 MB ahead for its log. All of it belongs to the user and group id.
func copySparse(from, to string, id int) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path)
		switch {
		case entry.IsDir():
			if err := os.MkdirAll(target, 0o700); err != nil {
				return err
			}
		case entry.Type().IsRegular():
			if err := copyFileSparse(root, path, target); err != nil {
				return fmt.Errorf("copy %s: %w", path, err)
			}
		default:
			return fmt.Errorf("copy %s: it is neither a file nor a folder", path)
		}
		return os.Lchown(target, id, id)
	})
}

// copyFileSparse copies the pieces of a file that hold data.
func copyFileSparse(root *os.Root, name, target string) error {
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.Truncate(info.Size()); err != nil {
		return err
	}
	for at := int64(0); ; {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // only a hole is left
			return out.Close()
		}
		if err != nil {
			return err
		}
		if at, err = unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := out.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(out, io.NewSectionReader(in, data, at-data)); err != nil {
			return err
		}
	}
}
