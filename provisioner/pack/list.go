package pack

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Listed is a pack of a cache.
type Listed struct {
	*Pack
	Current bool // used where no other is named
}

// List returns the packs of a cache, the current one first. What is no pack is
// left out.
func List(cache string) ([]Listed, error) {
	entries, err := os.ReadDir(filepath.Join(cache, packs))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	now, _ := filepath.EvalSymlinks(filepath.Join(cache, current)) // empty where there is none
	var all []Listed
	for _, entry := range entries {
		if p, err := Open(filepath.Join(cache, packs, entry.Name())); entry.IsDir() && err == nil {
			all = append(all, Listed{p, p.dir == now})
		}
	}
	slices.SortStableFunc(all, func(a, b Listed) int {
		switch {
		case a.Current:
			return -1
		case b.Current:
			return 1
		}
		return cmp.Compare(a.manifest.Digest, b.manifest.Digest)
	})
	return all, nil
}
