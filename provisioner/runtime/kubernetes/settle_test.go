package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSlackenReachesEveryThread, those that start later too.
func TestSlackenReachesEveryThread(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	holdThreads := func(n int) {
		held := make(chan struct{})
		for range n {
			go func() {
				runtime.LockOSThread() // a thread that is locked when its goroutine ends ends with it
				held <- struct{}{}
				<-release
			}()
		}
		for range n {
			<-held
		}
	}
	holdThreads(4)
	if err := slacken("/proc", 7*time.Millisecond); err != nil {
		if os.Geteuid() == 0 {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: only root may set the slack of other threads: %v", err)
	}
	holdThreads(4)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < 8 {
		t.Fatalf("%d threads, want the eight that are held", len(threads))
	}
	for _, thread := range threads {
		got, err := os.ReadFile(filepath.Join("/proc", thread.Name(), "timerslack_ns"))
		if err != nil {
			continue // it has ended
		}
		if strings.TrimSpace(string(got)) != "7000000" {
			t.Errorf("thread %s: slack %s ns, want 7000000", thread.Name(), got)
		}
	}
	if err := slacken(t.TempDir(), time.Millisecond); err == nil {
		t.Error("where there is no proc: no error")
	}
}
