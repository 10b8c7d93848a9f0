package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"wheelhouse/provisioner/embedded/machine"
)

// idRange is the piece of the host's user and group ids that one cluster's ids are
// mapped to. No user of the host has them, and no two clusters share them.
type idRange struct {
	First uint32 `json:"first"`
}

// idCount is how many ids a cluster has.
const idCount = machine.IDCount

// nodes returns the host's id that is root's on the nodes and the workstation.
func (r idRange) nodes() int { return int(r.First) + machine.NodeIDs }

// Ranges start where systemd's list of ids ends that something else may use
// (systemd.io/UIDS-GIDS: 1879048192 to 2147483647 are unused).
const (
	firstID = 1879048192
	lastID  = 2147483647
)

// idsFolder, in the run folder, holds one link for each range in use, by whatever
// Wheelhouse of this machine. It is gone after a reboot, and so are the processes.
const idsFolder = "ids"

// Elsewhere returns the other data directories of this machine in which there are
// embedded clusters, as far as this user can see them.
func (p *Provider) Elsewhere() []string {
	links, _ := filepath.Glob(filepath.Join(p.options.RunDir, idsFolder, "*")) // the pattern is well formed
	var folders []string
	for _, link := range links {
		owner, err := os.Readlink(link)
		if err != nil || filepath.Dir(owner) == p.store.dir {
			continue
		}
		if _, err := os.Stat(owner); err == nil {
			folders = append(folders, filepath.Dir(filepath.Dir(owner))) // store and New make it so
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// takeIDs takes a range that no other cluster of this machine has. owner is the
// cluster's folder, by which a range is known to be free again.
func takeIDs(runDir, owner string) (idRange, error) {
	for first := uint32(firstID); first <= lastID-idCount+1; first += idCount {
		r := idRange{first}
		taken, err := r.take(runDir, owner)
		if err != nil {
			return idRange{}, fmt.Errorf("take a range of ids: %w", err)
		}
		if taken {
			return r, nil
		}
	}
	return idRange{}, errors.New("every range of ids is taken")
}

func (r idRange) file(runDir string) string {
	return filepath.Join(runDir, idsFolder, strconv.FormatUint(uint64(r.First), 10))
}

// take notes that owner has the range, unless somebody else does who is there.
func (r idRange) take(runDir, owner string) (bool, error) {
	if err := os.MkdirAll(filepath.Join(runDir, idsFolder), 0o700); err != nil {
		return false, err
	}
	// A cluster of an earlier version has ranges of half the size, which begin in the
	// middle of one of these, too.
	if _, err := os.Lstat(idRange{r.First + idCount/2}.file(runDir)); err == nil {
		return false, nil
	}
	err := os.Symlink(owner, r.file(runDir)) // in one step, with its owner's name
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	other, err := os.Readlink(r.file(runDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // just given back; another one will do
	}
	if err != nil || other == owner {
		return err == nil, err
	}
	if _, err := os.Stat(other); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// Its cluster's folder was removed by hand.
	if err := os.Remove(r.file(runDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return false, nil // the next cluster takes it
}

// giveBack frees the range of owner.
func (r idRange) giveBack(runDir, owner string) error {
	if r.First == 0 {
		return nil
	}
	if other, err := os.Readlink(r.file(runDir)); err != nil || other != owner {
		return nil
	}
	return os.Remove(r.file(runDir))
}
