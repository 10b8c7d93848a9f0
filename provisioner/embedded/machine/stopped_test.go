package machine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner/embedded/machine"
)

// TestUnlessFile: what runs ends when the file comes, and runs again when it goes.
func TestUnlessFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "worker-1")
		ctx, cancel := context.WithCancel(t.Context())
		var runs atomic.Int32
		var running atomic.Bool
		done := make(chan error, 1)
		go func() {
			done <- machine.UnlessFile(ctx, file, func(ctx context.Context) error {
				runs.Add(1)
				running.Store(true)
				<-ctx.Done()
				running.Store(false)
				return nil
			})
		}()
		want := func(when string, wantRuns int32, wantRunning bool) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if runs.Load() != wantRuns || running.Load() != wantRunning {
				t.Errorf("%s: got %d runs, running %v, want %d, %v", when, runs.Load(), running.Load(), wantRuns, wantRunning)
			}
		}
		want("at first", 1, true)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		want("with the file", 1, false)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		want("without it", 2, true)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("at the end: got %v", err)
		}
		broken := errors.New("broken")
		if err := machine.UnlessFile(t.Context(), file, func(context.Context) error { return broken }); err != broken {
			t.Errorf("what fails: got %v, want %v", err, broken)
		}
	})
}
