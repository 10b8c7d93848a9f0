package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
)

// proofFolders begins the names of the data folders of "lab verify", which lie in the
// folder for temporary files.
const proofFolders = "wheelhouse-verify-"

// proofFolder is a data folder for proofs. Its file "lock" is locked as long as the
// process lives that it is of, and holds the provider of its clusters.
type proofFolder struct {
	path string
	lock *os.File
}

// newProofFolder makes a folder that this process has. The lock is there, and taken,
// from the moment it has its name, so that no other process takes the folder for a dead
// one's.
func newProofFolder() (*proofFolder, error) {
	path, err := os.MkdirTemp("", proofFolders)
	if err != nil {
		return nil, err
	}
	lock, err := os.CreateTemp(path, "lock-")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	f := &proofFolder{path: path, lock: lock}
	if err = provisioner.Lock(context.Background(), lock, nil); err == nil {
		err = os.Rename(lock.Name(), filepath.Join(path, "lock"))
	}
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// use notes who makes the clusters, before there are any.
func (f *proofFolder) use(provider provisioner.Provider) error {
	name := providerEmbedded
	if _, ok := provider.(*kind.Provider); ok {
		name = providerKind
	}
	_, err := f.lock.WriteString(name)
	return errors.Join(err, f.lock.Sync())
}

func (f *proofFolder) remove() error { return errors.Join(os.RemoveAll(f.path), f.lock.Close()) }

// abandonedProofs returns the folders of this user whose processes are gone, all
// locked. A link, or a folder that is another user's, is not looked into.
func abandonedProofs() []*proofFolder {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), proofFolders+"*")) // the pattern is well formed
	var abandoned []*proofFolder
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue // it has just been made, or is of an earlier version
		}
		if locked, err := provisioner.TryLock(lock); err != nil || !locked {
			lock.Close()
			continue
		}
		abandoned = append(abandoned, &proofFolder{path: path, lock: lock})
	}
	return abandoned
}

// deleteAbandonedProofs deletes what killed "lab verify"s have left, clusters first, and
// says so. What fails stays for the next time.
func (c *config) deleteAbandonedProofs(ctx context.Context, w io.Writer) error {
	var problems []error
	for _, folder := range abandonedProofs() {
		if err := c.deleteProofs(ctx, folder, w); err != nil {
			problems = append(problems, fmt.Errorf("delete what a killed lab verify has left in %s: %w", folder.path, err))
		}
	}
	return errors.Join(problems...)
}

func (c *config) deleteProofs(ctx context.Context, folder *proofFolder, w io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(folder.lock, 100))
	if err != nil {
		folder.lock.Close()
		return err
	}
	if name := strings.TrimSpace(string(text)); name != "" { // otherwise it had made no clusters yet
		own := *c
		own.Data, own.Provider = folder.path, name
		provider, err := own.openProvider(ctx)
		if err == nil {
			err = deleteAll(ctx, provider)
		}
		if err != nil {
			folder.lock.Close()
			return err
		}
	}
	fmt.Fprintf(w, "Deleted the clusters and the folder %s, which a lab verify that was killed has left.\n", folder.path)
	if err := folder.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
