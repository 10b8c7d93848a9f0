package machine

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slackOf returns the slack of a thread.
func slackOf(t *testing.T, thread string) time.Duration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", thread, "timerslack_ns"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n)
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root may set the slack of other threads")
	}
}

// TestPace: a component has slack after a while with nothing going on, and none as
// soon as something is.
func TestPace(t *testing.T) {
	needsRoot(t)
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	component := strconv.Itoa(cmd.Process.Pid)
	synctest.Test(t, func(t *testing.T) {
		pace := newPace(slog.New(slog.DiscardHandler))
		pace.add(cmd.Process.Pid)
		go pace.keep(t.Context())
		want := func(when string, want time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := slackOf(t, component); got != want {
				t.Errorf("%s: slack %v, want %v", when, got, want)
			}
		}
		for range 2 {
			time.Sleep(restAfter - time.Second)
			want("soon after something went on", workSlack)
			pace.stir()
			time.Sleep(restAfter - time.Second)
			want("soon after more went on", workSlack)
			time.Sleep(2 * time.Second)
			want("when nothing has gone on for a while", restSlack)
			time.Sleep(time.Hour)
			want("an hour later", restSlack)
			pace.stir()
			want("when something goes on", workSlack)
		}
		time.Sleep(2 * restAfter)
		want("at rest again", restSlack)
		pace.add(os.Getpid())
		want("when a component starts", workSlack)
		pace.remove(os.Getpid())
		pace.remove(cmd.Process.Pid)
		time.Sleep(2 * restAfter)
		want("when it is no component any more", workSlack)
	})
}

// TestSlackenReachesEveryThread, those that start later too.
func TestSlackenReachesEveryThread(t *testing.T) {
	needsRoot(t)
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
	defer func() {
		if err := slacken(os.Getpid(), workSlack); err != nil {
			t.Error(err)
		}
	}()
	const slack = 7 * time.Millisecond
	if err := slacken(os.Getpid(), slack); err != nil {
		t.Fatal(err)
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
		if _, err := os.Stat("/proc/self/task/" + thread.Name()); err != nil {
			continue // it has ended
		}
		if got := slackOf(t, thread.Name()); got != slack {
			t.Errorf("thread %s: slack %v, want %v", thread.Name(), got, slack)
		}
	}
}

func TestSlackenOfNoProcess(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := slacken(cmd.Process.Pid, restSlack); err != nil {
		t.Errorf("a process that has ended: %v", err)
	}
}
