package machine_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner/embedded/machine"
)

// TestRestart: what dies is started again, soon at first and ever more seldom;
// what ran for a while counts as new.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		board := machine.NewBoard(dir, slog.New(slog.DiscardHandler))
		lives := []time.Duration{0, 0, 0, 0, 0, 0, 0, 0, time.Minute, 0}
		var starts []time.Duration
		began := time.Now()
		err := machine.Restart(ctx, "kubelet", board, slog.New(slog.DiscardHandler), func(context.Context) error {
			starts = append(starts, time.Since(began))
			if len(starts) > len(lives) {
				cancel()
				return nil
			}
			time.Sleep(lives[len(starts)-1]) // virtual
			return errors.New("exit status 1")
		})
		if err != nil {
			t.Errorf("got %v, want nil when the context ends", err)
		}
		pauses := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 10000, 100, 200}
		at := time.Duration(0)
		for i, pause := range pauses {
			at += lives[i] + pause*time.Millisecond
			if starts[i+1] != at {
				t.Errorf("start %d: got %s, want %s", i+2, starts[i+1], at)
			}
		}
		text, err := os.ReadFile(filepath.Join(dir, machine.PartsFile))
		if err != nil {
			t.Fatal(err)
		}
		var parts map[string]machine.Part
		if err := json.Unmarshal(text, &parts); err != nil {
			t.Fatal(err)
		}
		// The last but one ran for a while, and one has failed since.
		if got := parts["kubelet"]; got.Restarts != len(lives) || got.Failures != 2 || got.Message != "exit status 1" {
			t.Errorf("the file says %+v", got)
		}
	})
}
