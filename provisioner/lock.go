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
// is called once where somebody else has the lock. The error is that of ctx, or the
// system's.
func Lock(ctx context.Context, f *os.File, waiting func()) error {
	var tick *time.Ticker
	for {
		// A blocked system call cannot be given up, so it asks again and again.
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
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
