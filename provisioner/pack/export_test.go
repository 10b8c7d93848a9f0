package pack

import (
	"context"
	"io"
	"path/filepath"
)

// WriteManifest makes a pack of the folders in dir.
func WriteManifest(dir string, m Manifest) (*Manifest, error) {
	files, err := scan(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	m.Version, m.Files = manifestVersion, files
	if m.Digest, err = filesDigest(files); err != nil {
		return nil, err
	}
	return &m, writeJSON(filepath.Join(dir, manifest), &m)
}

// Step is a step for tests.
type Step struct {
	Name, Key string
	Make      func(ctx context.Context, dir string, log io.Writer) error
}

// RunSteps runs steps under the cache's lock, as a build does. It returns their
// folders.
func RunSteps(ctx context.Context, cache string, steps ...Step) ([]string, error) {
	unlock, err := lock(ctx, cache, func() {})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := prepareCache(cache); err != nil {
		return nil, err
	}
	var all []*step
	var folders []string
	for _, s := range steps {
		one := &step{name: s.Name, title: s.Name, key: s.Key, make: s.Make}
		all = append(all, one)
		folders = append(folders, one.folder(cache))
	}
	return folders, runSteps(ctx, cache, all, false, newProgress(nil))
}

// Adopt makes the pack in dir one of the cache, and prunes.
func Adopt(cache, dir string, m *Manifest) (*Pack, error) {
	unlock, err := lock(context.Background(), cache, func() {})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := prepareCache(cache); err != nil {
		return nil, err
	}
	p, err := adopt(context.Background(), cache, dir, m.Digest, nil)
	if err != nil {
		return nil, err
	}
	return p, prune(cache, p)
}

// Relations, LicenceName and NotDownloaded are tested by tables.
var (
	Relations     = relations
	LicenceName   = licenceName
	NotDownloaded = notDownloaded
)

// Closure resolves among packages whose needs are given.
func Closure(needs map[string][]string, provides map[string][]string, names, without []string) ([]string, error) {
	set := &debSet{Packages: map[string]*debPackage{}}
	for name, list := range needs {
		set.Packages[name] = &debPackage{Name: name, Needs: list, Aliases: provides[name]}
	}
	packages, err := set.closure(names, without)
	var out []string
	for _, p := range packages {
		out = append(out, p.Name)
	}
	return out, err
}
