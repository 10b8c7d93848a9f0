package pack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wheelhouse/provisioner"
)

// lock takes the lock of the cache, and takes away what a build that was killed
// has left. waiting is called once where somebody else has the lock.
func lock(ctx context.Context, cache string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf("The folder %s for packs cannot be made. Name another with --pack-cache.", cache)}
	}
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, f, waiting); err != nil {
		_ = f.Close()
		return nil, err
	}
	tmp := filepath.Join(cache, "tmp")
	unmountLeft(tmp)
	removeAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// prepareCache makes the folders of the cache.
func prepareCache(cache string) error {
	for _, dir := range []string{"tmp", "logs", "steps", packs} {
		if err := os.MkdirAll(filepath.Join(cache, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// flock waits for an exclusive lock on f.
func flock(ctx context.Context, f *os.File, waiting func()) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	waiting()
	// A blocked system call cannot be given up, so it asks again and again.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
