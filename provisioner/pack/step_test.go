package pack_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/provisioner/pack"
)

// counted is a step that writes a file and counts how often it ran.
func counted(name, key string, runs map[string]int) pack.Step {
	return pack.Step{Name: name, Key: key, Make: func(_ context.Context, dir string, log io.Writer) error {
		runs[name]++
		fmt.Fprintln(log, "making", name)
		return os.WriteFile(filepath.Join(dir, "made"), []byte(key), 0o644)
	}}
}

func TestStepsRunOnce(t *testing.T) {
	cache, runs := t.TempDir(), map[string]int{}
	for range 3 {
		folders, err := pack.RunSteps(t.Context(), cache, counted("one", "a", runs), counted("two", "b", runs))
		must(t, err)
		if got := string(read(t, filepath.Join(folders[1], "made"))); got != "b" {
			t.Errorf("got %q", got)
		}
	}
	_, err := pack.RunSteps(t.Context(), cache, counted("one", "a", runs), counted("two", "c", runs))
	must(t, err)
	if runs["one"] != 1 || runs["two"] != 2 {
		t.Errorf("got runs %v, want one: 1, two: 2, for its two keys", runs)
	}
	wantClean(t, cache)
}

func TestStepThatFails(t *testing.T) {
	cache, runs := t.TempDir(), map[string]int{}
	broken := pack.Step{Name: "two", Key: "b", Make: func(_ context.Context, dir string, log io.Writer) error {
		must(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o644))
		fmt.Fprintln(log, "about to break")
		return errors.New("it broke")
	}}
	folders, err := pack.RunSteps(t.Context(), cache, counted("one", "a", runs), broken, counted("three", "c", runs))
	log := filepath.Join(cache, "logs", "two.log")
	wantError(t, err, "two", log, "same command again")
	if text := string(read(t, log)); !strings.Contains(text, "about to break") || !strings.Contains(text, "it broke") {
		t.Errorf("got log %q", text)
	}
	if _, err := os.Stat(folders[1]); err == nil {
		t.Error("a step that failed has left its folder")
	}
	wantClean(t, cache)
	_, err = pack.RunSteps(t.Context(), cache, counted("one", "a", runs), counted("two", "b", runs), counted("three", "c", runs))
	must(t, err)
	if runs["one"] != 1 || runs["three"] != 1 {
		t.Errorf("got runs %v, want each once", runs)
	}
}

func TestStepsStop(t *testing.T) {
	cache, runs := t.TempDir(), map[string]int{}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := pack.Step{Name: "two", Key: "b", Make: func(ctx context.Context, dir string, _ io.Writer) error {
		must(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o644))
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}
	folders, err := pack.RunSteps(ctx, cache, counted("one", "a", runs), stopped)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	if _, err := os.Stat(folders[1]); err == nil {
		t.Error("a step that was stopped has left its folder")
	}
	wantClean(t, cache)
	_, err = pack.RunSteps(t.Context(), cache, counted("one", "a", runs), counted("two", "b", runs))
	must(t, err)
	if runs["one"] != 1 {
		t.Errorf("a finished step ran again")
	}
}

// killedCache names the cache of the process that TestKilled kills.
const killedCache = "WHEELHOUSE_TEST_KILLED_CACHE"

// TestKilled kills a build in the middle of its second step, as kill -9 does,
// and builds again.
func TestKilled(t *testing.T) {
	if cache := os.Getenv(killedCache); cache != "" {
		waits := pack.Step{Name: "two", Key: "b", Make: func(_ context.Context, dir string, _ io.Writer) error {
			must(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o644))
			fmt.Println("in the middle")
			select {}
		}}
		_, err := pack.RunSteps(t.Context(), cache, counted("one", "a", map[string]int{}), waits)
		t.Fatal("not killed", err)
	}
	cache := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	child.Env = append(os.Environ(), killedCache+"="+cache)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	scanner := bufio.NewScanner(out)
	for scanner.Scan() && scanner.Text() != "in the middle" {
	}
	must(t, child.Process.Kill())
	_ = child.Wait()
	if entries, _ := os.ReadDir(filepath.Join(cache, "tmp")); len(entries) != 1 {
		t.Fatalf("got %v, want what the second step had begun", entries)
	}
	runs := map[string]int{}
	_, err = pack.RunSteps(t.Context(), cache, counted("one", "a", runs), counted("two", "b", runs))
	must(t, err)
	if runs["one"] != 0 || runs["two"] != 1 {
		t.Errorf("got runs %v, want only the step that was not finished", runs)
	}
	wantClean(t, cache)
}

// TestBuildsWaitForEachOther: the second gives up when it is told to.
func TestBuildsWaitForEachOther(t *testing.T) {
	cache := t.TempDir()
	inside, leave, done := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		_, err := pack.RunSteps(t.Context(), cache, pack.Step{Name: "one", Key: "a", Make: func(context.Context, string, io.Writer) error {
			close(inside)
			<-leave
			return nil
		}})
		done <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pack.RunSteps(ctx, cache); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	close(leave)
	must(t, <-done)
}
