package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wheelhouse/provisioner"
)

// One at a time makes, starts, stops or deletes a cluster, among all processes of this
// machine: an operator may delete a cluster that the server starts again at that
// moment. A lock on the cluster's folder says whose turn it is, and a file in it that
// somebody waits to delete it.

// deletedFile, in a cluster's folder, says that the cluster is to be deleted. Whoever
// makes or starts it gives up then.
const deletedFile = "deleted"

// errDeleted ends a creation or a start whose cluster is deleted meanwhile.
var errDeleted = errors.New("the cluster was deleted while it was being made")

// hold waits until nobody else changes the cluster name. It returns the cluster's record
// and a context that ends with errDeleted as soon as the cluster is to be deleted; the
// caller calls release in the end. ErrNotFound where the cluster is gone, or about to be.
func (p *Provider) hold(ctx context.Context, name string) (held context.Context, r record, release func(), err error) {
	if !validName(name) {
		return nil, record{}, nil, fmt.Errorf("cluster %q: %w", name, provisioner.ErrNotFound)
	}
	unlock, err := p.lock(ctx, name)
	if err != nil {
		return nil, record{}, nil, err
	}
	if r, err = p.store.load(name); err == nil && r.Deleted {
		err = fmt.Errorf("cluster %s is being deleted: %w", name, provisioner.ErrNotFound)
	}
	if err != nil {
		unlock()
		return nil, record{}, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		tick := time.NewTicker(10 * lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
				if p.store.isDeleted(name) {
					cancel(errDeleted)
				}
			}
		}
	}()
	return held, r, func() {
		cancel(nil)
		<-looked
		unlock()
	}, nil
}

// lock is the store's, and logs a wait.
func (p *Provider) lock(ctx context.Context, name string) (unlock func(), err error) {
	return p.store.lock(ctx, name, func() { p.log.Info("waiting until nobody else changes the cluster", "cluster", name) })
}

// lock waits for the lock of the cluster name: ErrNotFound where there is no such
// cluster, or no longer. waiting is called where somebody else has it.
func (s store) lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	for {
		folder, err := os.Open(s.folder(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cluster %s: %w", name, provisioner.ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		if err := provisioner.Lock(ctx, folder, waiting); err != nil {
			folder.Close()
			return nil, fmt.Errorf("wait until nobody else changes cluster %s: %w", name, err)
		}
		// Whoever had the lock may have removed the folder, and made another.
		locked, err := folder.Stat()
		if err != nil {
			folder.Close()
			return nil, err
		}
		if there, err := os.Stat(s.folder(name)); err == nil && os.SameFile(locked, there) {
			return func() { folder.Close() }, nil
		}
		folder.Close()
	}
}

// delete notes that the cluster name is to be deleted: ErrNotFound where there is none.
func (s store) delete(name string) error {
	file, err := os.OpenFile(filepath.Join(s.folder(name), deletedFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cluster %s: %w", name, provisioner.ErrNotFound)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil // it is waited for all the same
	}
	if err != nil {
		return err
	}
	return file.Close()
}

func (s store) isDeleted(name string) bool {
	_, err := os.Lstat(filepath.Join(s.folder(name), deletedFile))
	return err == nil
}
