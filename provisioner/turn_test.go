package provisioner_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// One person opens four labs at once, and then two others open one each: everybody
// gets their first cluster before that person's second, and is told so from the start.
func TestLineByOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Concurrency: 1})
		run(t, pool)
		synctest.Wait()
		pool.Release((<-claim(t.Context(), pool, small)).name(t)) // so that it knows how long it takes
		synctest.Wait()

		var line []<-chan outcome
		for _, owner := range []string{"ann", "ann", "ann", "ann", "ben", "cat"} {
			line = append(line, claimAs(t.Context(), pool, owner, small))
			synctest.Wait() // so that their order is certain
		}
		wantStatus(t, pool, provisioner.Status{Creating: 1, Waiting: 6})
		for i, want := range []struct {
			places []int // as they change
			took   time.Duration
		}{
			{[]int{0}, 10 * time.Second},
			{[]int{1, 2, 3, 2, 1, 0}, 40 * time.Second},
			{[]int{2, 3, 4, 3, 2, 1, 0}, 50 * time.Second},
			{[]int{3, 4, 5, 4, 3, 2, 1, 0}, 60 * time.Second},
			{[]int{1, 0}, 20 * time.Second},
			{[]int{2, 1, 0}, 30 * time.Second},
		} {
			o := <-line[i]
			o.name(t)
			var places []int
			for _, r := range o.reports {
				places = append(places, r.Place)
			}
			if places = slices.Compact(places); !slices.Equal(places, want.places) || o.took != want.took {
				t.Errorf("%d: places %v and %s, want %v and %s", i, places, o.took, want.places, want.took)
				continue
			}
			// Whoever was told a place was told how long it takes from there.
			last := o.reports[slices.IndexFunc(o.reports, func(r provisioner.Progress) bool { return r.Place == slices.Max(want.places) })]
			if got, known := last.Remaining(o.began); !known || got != want.took {
				t.Errorf("%d: told at place %d that %s are left, want %s", i, last.Place, got, want.took)
			}
		}
	})
}

// While every cluster is taken, the next one that is given back goes to who has none,
// also after a restart; who has one waits no longer than a turn for those who come later.
func TestLineOfHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		options := provisioner.PoolOptions{Provider: fake, Max: 2}
		pool := provisioner.NewPool(options)
		stop := run(t, pool)
		anns := (<-claimAs(t.Context(), pool, "ann", small)).name(t)
		taken := (<-claimAs(t.Context(), pool, "ben", small)).name(t)
		stop()

		pool = provisioner.NewPool(options)
		pool.Adopt(map[string]string{anns: "ann", taken: "ben"})
		run(t, pool)
		second := claimAs(t.Context(), pool, "ann", small)
		synctest.Wait()
		for i := range 20 { // each comes before the one before them gives back
			next := claimAs(t.Context(), pool, fmt.Sprint(i), small)
			synctest.Wait()
			time.Sleep(5 * time.Minute)
			pool.Release(taken)
			select {
			case o := <-second:
				o.name(t)
				if o.took < provisioner.Turn || o.took > provisioner.Turn+7*time.Minute {
					t.Errorf("ann's second took %s, want about a turn, %s", o.took, provisioner.Turn)
				}
				return
			case o := <-next:
				taken = o.name(t)
			}
		}
		t.Error("ann's second claim starves")
	})
}

// A cluster that was given back does not count any more.
func TestLineAfterRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Max: 1})
		run(t, pool)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		first := (<-claimAs(ctx, pool, "ann", small)).name(t)
		again := claimAs(ctx, pool, "ann", small)
		synctest.Wait()
		later := claimAs(ctx, pool, "ben", small)
		synctest.Wait()
		pool.Release(first)
		o := <-again // she has none now, and came first
		o.name(t)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Claimed: 1, Waiting: 1})
		pool.Release(o.cluster.Name)
		(<-later).name(t)
	})
}
