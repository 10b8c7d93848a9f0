package agent

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A fork bomb leaves no room for the processes that could end it. When requests
// are refused for that, the agent looks whether it lasts, and then ends all that
// the student runs: a workstation that the student cannot use any more has nothing to lose.

const (
	crowd    = 256         // processes: half of what a workstation has room for, and far more than a lab needs
	fullLook = time.Second // between two looks
	fullMost = 60          // looks that found a crowd: then everything is ended
	roomMost = 10          // looks in a row that found none: then all is well
)

// fullness counts looks. One that finds no crowd in between makes up for one that
// does: the processes of a bomb come and go, so there is room now and then.
type fullness struct{ full, room int }

// look takes in how many processes there are, and tells whether it is time to end
// everything, or to stop looking.
func (f *fullness) look(processes int) (end, well bool) {
	if processes < crowd {
		f.room, f.full = f.room+1, max(0, f.full-1)
	} else {
		f.room, f.full = 0, f.full+1
	}
	return f.full >= fullMost, f.room >= roomMost
}

// noRoom reports whether a process could not be started for lack of room.
func noRoom(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM)
}

// watchFull looks until there is room again, or until it has been made. One of
// them runs at a time, and only as the first process of a container, which is the
// workstation's.
func (a *agent) watchFull() {
	if !a.options.Init || os.Getpid() != 1 || !a.watchingFull.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer a.watchingFull.Store(false)
		var seen fullness
		tick := time.NewTicker(fullLook)
		defer tick.Stop()
		for {
			select {
			case <-a.ctx.Done():
				return
			case <-tick.C:
			}
			running, err := filepath.Glob("/proc/[0-9]*")
			if err != nil {
				return // it cannot be: the pattern is well formed
			}
			end, well := seen.look(len(running))
			if end {
				a.options.Logger.Warn("a minute of too many processes; everything on the workstation is ended", "processes", len(running))
				// All processes of the container but this one, at once: no fork escapes.
				_ = syscall.Kill(-1, syscall.SIGKILL)
			}
			if end || well {
				return
			}
		}
	}()
}
