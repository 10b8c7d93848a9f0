package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// TestDeletedElsewhere: another process, as `wheelhouse cluster delete` is one, deletes a
// cluster that is being started or made. Then nothing of it is left, and whoever worked
// on it learns why.
func TestDeletedElsewhere(t *testing.T) {
	provisionertest.NeedsPack(t)
	dir := t.TempDir()
	p := newProvider(t, optionsAt(t, dir))
	other := newProvider(t, optionsAt(t, dir))
	gone := func(t *testing.T, name string) {
		t.Helper()
		if left := leftovers(t, dir, name); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if _, err := other.Access(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("access: got %v, want ErrNotFound", err)
		}
	}

	t.Run("while it is started", func(t *testing.T) {
		name := newCluster(t, p, dir, 0)
		if err := p.Stop(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		started := make(chan error, 1)
		go func() { started <- p.Start(context.WithoutCancel(t.Context()), name) }()
		await(t, "its processes do not start", func() bool {
			clusters, err := other.List(t.Context())
			return err == nil && len(clusters) == 1 && clusters[0].State == provisioner.Ready
		})
		deleteCluster(t, other, name)
		// The API server takes longer than the deletion does, so that Start has failed.
		if err := <-started; !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("Start: got %v, want ErrNotFound", err)
		}
		gone(t, name)
		if err := p.Start(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("Start of one that is gone: got %v, want ErrNotFound", err)
		}
	})

	t.Run("while it is made", func(t *testing.T) {
		name := newName()
		t.Cleanup(func() { deleteCluster(t, other, name) })
		var once sync.Once
		middle := make(chan struct{})
		made := make(chan error, 1)
		go func() {
			_, err := p.Create(context.WithoutCancel(t.Context()), name, provisioner.Spec{}, func(at provisioner.Progress) {
				if slices.ContainsFunc(at.Phases, func(phase provisioner.Phase) bool { return phase.Name == "ControlPlane" && !phase.StartedAt.IsZero() }) {
					once.Do(func() { close(middle) })
				}
			})
			made <- err
		}()
		select {
		case <-middle:
		case err := <-made:
			t.Fatalf("Create returned early: %v", err)
		}
		deleteCluster(t, other, name)
		if err := <-made; err == nil || provisioner.ReasonOf(err) != "" {
			t.Errorf("Create: got %v, want that it was deleted", err)
		}
		gone(t, name)
	})
}

// TestStoreLock: one at a time changes a cluster. Whoever waits while it is deleted
// learns that it is gone, or has the one that was made under its name.
func TestStoreLock(t *testing.T) {
	store, err := embedded.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lock := func(ctx context.Context) (func(), error) { return store.Lock(ctx, "a", func() {}) }
	if _, err := lock(t.Context()); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("no such cluster: got %v, want ErrNotFound", err)
	}
	if err := store.Begin("a"); err != nil {
		t.Fatal(err)
	}
	for _, madeAgain := range []bool{true, false} {
		unlock, err := lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := lock(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("somebody else has it: got %v, want that the context ended", err)
		}
		waits := make(chan struct{})
		waited := make(chan error, 1)
		go func() {
			unlock, err := store.Lock(t.Context(), "a", sync.OnceFunc(func() { close(waits) }))
			if err == nil {
				if _, taken := lock(ended); !errors.Is(taken, context.Canceled) {
					err = fmt.Errorf("the lock that was waited for is free: %v", taken)
				}
				unlock()
			}
			waited <- err
		}()
		<-waits
		if err := os.RemoveAll(store.Folder("a")); err != nil {
			t.Fatal(err)
		}
		if madeAgain {
			if err := store.Begin("a"); err != nil {
				t.Fatal(err)
			}
		}
		unlock()
		err = <-waited
		if madeAgain && err != nil || !madeAgain && !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("made again: %t, waited for: got %v", madeAgain, err)
		}
	}
}
