package provisioner

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// Lock waits for an exclusive lock on f, which closing f gives back: flock(2), so it
// also holds between processes and ends with the one that has it. waiting, unless nil,
// is called once where another holds the lock. The error is that of ctx, or the
// system's.
func Lock(ctx context.Context, f *os.File, waiting func()) error {
	var tick *time.Ticker
	for {
		// A blocked system call cannot be given up, so it asks again and again.
		locked, err := TryLock(f)
		if locked || err != nil {
			return err
		}
		if tick == nil {
			tick = time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			if waiting != nil {
				waiting()
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// TryLock is Lock, and returns false at once where another holds the lock.
func TryLock(f *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, os.NewSyscallError("flock", err)
		}
	}
}
