package provisioner_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// counting counts the deletions of each cluster.
type counting struct {
	provisioner.Provider
	mu        sync.Mutex
	deletions map[string]int
}

func (c *counting) Delete(ctx context.Context, name string) error {
	c.mu.Lock()
	c.deletions[name]++
	c.mu.Unlock()
	return c.Provider.Delete(ctx, name)
}

// A listing takes time, and shows the world as it was when it began. What the
// pool did meanwhile must not be undone by it.
func TestSlowListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Looks: 0 to 4 s, 9 to 13 s, 18 to 22 s, and so on.
		fake := newFake(t, provisionertest.FakeOptions{ListTime: 4 * time.Second, DeleteTime: time.Second})
		provider := &counting{Provider: fake, deletions: map[string]int{}}
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: provider})
		run(t, pool)
		time.Sleep(10 * time.Second) // in the middle of a look
		made := (<-claim(t.Context(), pool, small)).name(t)
		time.Sleep(4 * time.Second) // it came too late to be seen
		if _, err := pool.Cluster(made); err != nil {
			t.Errorf("made during the look: got %v", err)
		}
		time.Sleep(5 * time.Second) // 19 s: the next look sees it
		pool.Release(made)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{})
		if got := provider.deletions[made]; got != 1 {
			t.Errorf("deleted %d times, want once", got)
		}
	})
}

// A cluster that gets ready while a look is under way, and that the look shows
// as half made, or not at all, stays warm.
func TestSlowListingOfWarmCluster(t *testing.T) {
	for _, test := range []struct {
		name  string
		takes time.Duration // a creation; the second one begins at 10 s
	}{
		{"begun during the look", time.Second},
		{"begun before it", 11 * time.Second}, // ready at 20 s, in the look from 18 to 22 s
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, provisionertest.FakeOptions{
					ListTime: 4 * time.Second,
					Phases:   []provisioner.Phase{{Name: "Nodes", Estimate: test.takes}},
				})
				pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
				run(t, pool)
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				<-claim(ctx, pool, small) // gives up at once, so that a spare one is made
				time.Sleep(15 * time.Second)
				synctest.Wait()
				wantStatus(t, pool, provisioner.Status{Warm: 1})
				if got := fake.Deleted(); len(got) != 0 {
					t.Errorf("deleted %v", got)
				}
			})
		})
	}
}

// stubborn finishes what it began, whoever cancels it.
type stubborn struct{ provisioner.Provider }

func (s stubborn) Create(_ context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	return s.Provider.Create(context.Background(), name, spec, report)
}

// Room is made by cancelling a creation that nobody waits for. It may be too
// late for that.
func TestUnwantedCreation(t *testing.T) {
	for _, test := range []struct {
		name string
		wrap func(provisioner.Provider) provisioner.Provider
		took time.Duration
	}{
		{"cancelled", func(p provisioner.Provider) provisioner.Provider { return p }, 10 * time.Second},
		{"too late", func(p provisioner.Provider) provisioner.Provider { return stubborn{p} }, 18 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
				pool := provisioner.NewPool(provisioner.PoolOptions{Provider: test.wrap(fake), Size: 1, Max: 1})
				run(t, pool)
				time.Sleep(2 * time.Second)
				o := <-claim(t.Context(), pool, large)
				if o.name(t); o.took != test.took {
					t.Errorf("took %s, want %s", o.took, test.took)
				}
				if got := names(t, fake); !slices.Equal(got, []string{o.name(t)}) {
					t.Errorf("there is %v, want %s alone", got, o.name(t))
				}
			})
		})
	}
}

// An unreliable machine serves a class all the same: failures that are not in a
// row send nobody away.
func TestEverySecondTryFails(t *testing.T) {
	oops := errors.New("no space left on device")
	for _, test := range []struct {
		name    string
		unlucky func(*provisionertest.Fake)
		phases  []provisioner.Phase
	}{
		{"creations", func(fake *provisionertest.Fake) {
			fake.Fail("Create", oops, nil, oops, nil, oops, nil, oops, nil, oops, nil, oops, nil)
		}, tenSeconds()},
		{"looks", func(fake *provisionertest.Fake) {
			fake.Fail("List", slices.Repeat([]error{nil, oops}, 20)...)
		}, []provisioner.Phase{{Name: "Nodes", Estimate: time.Minute}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(t, provisionertest.FakeOptions{Phases: test.phases})
				test.unlucky(fake)
				pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Concurrency: 1})
				run(t, pool)
				var class []<-chan outcome
				for range 6 {
					class = append(class, claim(t.Context(), pool, small))
				}
				for _, c := range class {
					(<-c).name(t)
				}
			})
		})
	}
}

// A stop in the middle of work is no trouble to be logged.
func TestStopIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds(), DeleteTime: 10 * time.Second, ListTime: 3 * time.Second})
		pool := provisioner.NewPool(provisioner.PoolOptions{
			Provider: fake, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		stop := run(t, pool)
		pool.Release((<-claim(t.Context(), pool, small)).name(t))
		waiting := claim(t.Context(), pool, small)
		time.Sleep(4 * time.Second) // creation, deletion and a look are at work
		stop()
		<-waiting
		if strings.Contains(log.String(), "WARN") || strings.Contains(log.String(), "ERROR") {
			t.Errorf("logged:\n%s", log.String())
		}
	})
}
