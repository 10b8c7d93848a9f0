package pack

import (
	"os"
	"path/filepath"
	"slices"
)

// keep is how many packs that are not the current one stay.
const keep = 1

// prune removes the packs that are neither the last ones nor in use, and the steps
// that no pack is made of. The cache's lock is held.
func prune(cache string, now *Pack) error {
	entries, err := os.ReadDir(filepath.Join(cache, packs))
	if err != nil {
		return err
	}
	type old struct {
		dir  string
		time int64
	}
	var olds []old
	for _, entry := range entries {
		dir := filepath.Join(cache, packs, entry.Name())
		if stat, err := os.Stat(filepath.Join(dir, manifest)); entry.IsDir() && dir != now.dir && err == nil {
			olds = append(olds, old{dir, stat.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(olds, func(a, b old) int { return int(min(1, max(-1, b.time-a.time))) })
	for _, o := range olds[min(keep, len(olds)):] {
		if err := dropUnused(o.dir); err != nil {
			return err
		}
	}
	return pruneSteps(cache)
}

func pruneSteps(cache string) error {
	lists, err := filepath.Glob(filepath.Join(cache, packs, "*"+stepsSuffix))
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, list := range lists {
		var names []string
		if err := readJSON(list, &names); err != nil {
			return err
		}
		for _, name := range names {
			used[name] = true
		}
	}
	entries, err := os.ReadDir(filepath.Join(cache, "steps"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !used[entry.Name()] {
			removeAll(filepath.Join(cache, "steps", entry.Name()))
		}
	}
	return nil
}
