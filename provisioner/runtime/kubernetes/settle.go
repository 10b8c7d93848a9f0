package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// The parts of a node hardly collect garbage while they start, which takes a
// fifth of the processor's time then; after that they keep little of it.
const (
	startingGC = 300 // per cent of what lives
	settledGC  = 40
	settled    = 20 * time.Second
)

// slack is how much later than it has to a timer may wake a part that has settled
// (timerslack_ns of proc(5)). Hundreds of timers are due in each second of a cluster
// that nobody uses, and half of its processor time is waking up for one of them; with
// slack, one waking does for all that are due soon. What arrives, such as a request or
// an event, waits for no timer.
const slack = 20 * time.Millisecond

func settle() {
	debug.SetGCPercent(startingGC)
	time.AfterFunc(settled, func() {
		debug.SetGCPercent(settledGC)
		debug.FreeOSMemory()
		if err := slacken("/proc", slack); err != nil {
			klog.InfoS("Timers are as exact as before, which costs processor time", "reason", err)
		}
	})
}

// slacken gives all threads of this process the slack; threads that start later have
// that of the thread that starts them. proc is where proc(5) is mounted.
func slacken(proc string, slack time.Duration) error {
	text := []byte(strconv.FormatInt(slack.Nanoseconds(), 10))
	done := map[string]bool{}
	for more := true; more; { // a thread may have started another one meanwhile
		more = false
		threads, err := os.ReadDir(filepath.Join(proc, "self", "task"))
		if err != nil {
			return err
		}
		for _, thread := range threads {
			if done[thread.Name()] {
				continue
			}
			done[thread.Name()], more = true, true
			err := os.WriteFile(filepath.Join(proc, thread.Name(), "timerslack_ns"), text, 0)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("give timers some slack: %w", err)
			}
		}
	}
	return nil
}
