package pack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
	if err := provisioner.Lock(ctx, f, waiting); err != nil {
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
