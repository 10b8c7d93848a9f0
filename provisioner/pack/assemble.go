package pack

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
)

// assemble puts a pack together from the steps' folders. Files are links to
// theirs: neither side is ever written to.
func (b *builder) assemble(ctx context.Context, inputs string, steps []*step) (*Pack, error) {
	dir, err := os.MkdirTemp(filepath.Join(b.Cache, "tmp"), "pack-")
	if err != nil {
		return nil, err
	}
	defer removeAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, Programs), 0o755); err != nil {
		return nil, err
	}
	for target, from := range map[string]string{
		Runtime:                   filepath.Join(b.steps[stepRuntime].folder(b.Cache), Runtime),
		Programs + "/" + HostRunc: filepath.Join(b.steps["node"].folder(b.Cache), "runc"),
	} {
		if err := os.Link(from, filepath.Join(dir, target)); err != nil {
			return nil, err
		}
	}
	if err := linkTree(ctx, filepath.Join(b.steps[stepImages].folder(b.Cache), Images), filepath.Join(dir, Images)); err != nil {
		return nil, err
	}
	m, err := b.manifest(ctx, dir, inputs)
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(dir, manifest), m); err != nil {
		return nil, err
	}
	var used []string
	for _, s := range steps {
		used = append(used, filepath.Base(s.folder(b.Cache)))
	}
	return adopt(ctx, b.Cache, dir, m.Digest, used)
}

// manifest describes the pack in dir, and writes the licences' texts there.
func (b *builder) manifest(ctx context.Context, dir, inputs string) (*Manifest, error) {
	m := &Manifest{Version: manifestVersion, Arch: runtime.GOARCH, Inputs: inputs}
	kubernetes, err := listModule(ctx, filepath.Join(b.Source, "kubernetes"), moduleKubernetes)
	if err != nil {
		return nil, err
	}
	m.Kubernetes = kubernetes.Version
	var programs []string
	for _, c := range components() {
		for _, p := range c.programs {
			programs = append(programs, filepath.Join(b.steps[c.module].folder(b.Cache), p.name))
		}
	}
	texts, err := m.addComponents(ctx, programs)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, Licences), texts, 0o644); err != nil {
		return nil, err
	}
	var list imageList
	if err := readJSON(filepath.Join(b.steps[stepImages].folder(b.Cache), imagesFile), &list); err != nil {
		return nil, err
	}
	m.Images = list.Images
	packages := map[string]Package{}
	for _, p := range list.Packages {
		packages[p.Name] = p
	}
	for _, step := range []string{stepSeccomp, stepNode, stepWorkstation} {
		var some []Package
		if err := readJSON(filepath.Join(b.steps[step].folder(b.Cache), packagesFile), &some); err != nil {
			return nil, err
		}
		for _, p := range some {
			packages[p.Name] = p
		}
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		m.Packages = append(m.Packages, packages[name])
	}
	if m.Files, err = scan(ctx, dir); err != nil {
		return nil, err
	}
	m.Digest, err = filesDigest(m.Files)
	return m, err
}

// linkTree makes to a copy of the folder from whose files are hard links.
func linkTree(ctx context.Context, from, to string) error {
	var folders []string
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if !entry.IsDir() {
			return os.Link(name, target) // of a symbolic link: the link itself
		}
		folders = append(folders, relative)
		return os.Mkdir(target, 0o700)
	})
	if err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) { // what lies in it first: its time is then right, and it may be read-only
		if err := likeFolder(filepath.Join(from, folder), filepath.Join(to, folder)); err != nil {
			return err
		}
	}
	return nil
}

// likeFolder gives a folder the owner, mode and time of another.
func likeFolder(from, to string) error {
	stat, err := os.Stat(from)
	if err != nil {
		return err
	}
	if system, ok := stat.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(to, int(system.Uid), int(system.Gid)); err != nil {
			return err
		}
	}
	if err := os.Chmod(to, stat.Mode()); err != nil {
		return err
	}
	return os.Chtimes(to, stat.ModTime(), stat.ModTime())
}

// adopt moves the finished pack in dir to its place in the cache and makes it
// the current one. The cache's lock is held.
func adopt(ctx context.Context, cache, dir, digest string, steps []string) (*Pack, error) {
	place := filepath.Join(cache, packs, digestFolder(digest))
	if whole, err := isWhole(ctx, place); err != nil {
		return nil, err
	} else if whole { // clusters may be made of it, so it stays where it is
		return makeCurrent(cache, place, steps)
	}
	if isThere(place) { // damaged since
		old, err := os.MkdirTemp(filepath.Join(cache, "tmp"), "old-")
		if err != nil {
			return nil, err
		}
		defer removeAll(old)
		if err := os.Rename(place, filepath.Join(old, "pack")); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(dir, place); err != nil {
		return nil, err
	}
	return makeCurrent(cache, place, steps)
}

// makeCurrent makes the pack in place, which is in the cache, the current one.
func makeCurrent(cache, place string, steps []string) (*Pack, error) {
	if err := writeJSON(place+stepsSuffix, steps); err != nil {
		return nil, err
	}
	if err := replaceLink(filepath.Join(packs, filepath.Base(place)), filepath.Join(cache, current)); err != nil {
		return nil, err
	}
	return Open(place)
}

// isWhole says whether there is a pack in dir without any damage.
func isWhole(ctx context.Context, dir string) (bool, error) {
	p, err := Open(dir)
	if err != nil {
		return false, nil // so there is none
	}
	damage, err := p.Verify(ctx)
	return len(damage) == 0, err
}

// stepsSuffix ends the file beside a pack that names the steps it was made of.
const stepsSuffix = ".steps.json"

// replaceLink makes name a symbolic link to target, in one step.
func replaceLink(target, name string) error {
	beside := name + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, beside); err != nil {
		return err
	}
	return os.Rename(beside, name)
}
