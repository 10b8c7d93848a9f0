package provisioner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// Warm clusters rest, and go on before they are handed over: those of an earlier
// process, too.
func TestWarmClustersRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := provisionertest.FakeOptions{Dir: t.TempDir(), Phases: tenSeconds()}
		fresh := t.TempDir()
		fake := newFake(t, options)
		stop := run(t, provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1, FreshDir: fresh}))
		time.Sleep(39 * time.Second)
		synctest.Wait()
		name := names(t, fake)[0]
		if fake.Frozen(name) {
			t.Error("it rests less than half a minute after its creation")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !fake.Frozen(name) {
			t.Fatal("it does not rest after half a minute")
		}
		stop()

		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, FreshDir: fresh})
		claimed := claim(t.Context(), pool, small) // before the pool has seen any
		run(t, pool)
		if got := (<-claimed).name(t); got != name {
			t.Errorf("got %s, want the warm one, %s", got, name)
		}
		if fake.Frozen(name) {
			t.Error("it was handed over frozen")
		}
		time.Sleep(time.Hour)
		if fake.Frozen(name) {
			t.Error("somebody's cluster was frozen")
		}
	})
}

// Who claims a cluster in the moment in which it is frozen gets it thawed.
func TestClaimWhileFreezing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		run(t, pool)
		release := fake.Block("Freeze")
		time.Sleep(40 * time.Second)
		claimed := claim(t.Context(), pool, small)
		synctest.Wait()
		select {
		case o := <-claimed:
			t.Errorf("got %+v while the cluster is being frozen", o)
		default:
		}
		release()
		if name := (<-claimed).name(t); fake.Frozen(name) {
			t.Errorf("%s was handed over frozen", name)
		}
	})
}

// A cluster that does not thaw is given up for another one, and is not handed over
// to the next who comes either.
func TestClusterDoesNotThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		run(t, pool)
		time.Sleep(time.Minute)
		synctest.Wait()
		stuck := names(t, fake)[0]
		fake.Fail("Thaw", errors.New("device or resource busy"))
		if got := (<-claim(t.Context(), pool, small)).name(t); got == stuck {
			t.Errorf("got %s, which did not thaw", got)
		}
		time.Sleep(time.Second)
		for _, name := range names(t, fake) {
			if name == stuck {
				t.Errorf("%s is still there", name)
			}
		}

		// Nor where whoever claimed it has gone meanwhile.
		time.Sleep(time.Minute)
		defer fake.Block("Thaw")()
		ctx, cancel := context.WithCancel(t.Context())
		claimed := claim(ctx, pool, small)
		synctest.Wait()
		cancel()
		if o := <-claimed; !errors.Is(o.err, context.Canceled) {
			t.Errorf("a claim that was given up: got %+v", o)
		}
		time.Sleep(time.Second)
		wantStatus(t, pool, provisioner.Status{Warm: 1, Claimed: 1})
	})
}

// A warm cluster that cannot be frozen stays good.
func TestClusterDoesNotFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		run(t, pool)
		fake.Fail("Freeze", errors.New("device or resource busy"))
		time.Sleep(time.Minute)
		synctest.Wait()
		name := names(t, fake)[0]
		if fake.Frozen(name) {
			t.Error("it rests, though freezing failed")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !fake.Frozen(name) {
			t.Error("it was not tried again")
		}
		if got := (<-claim(t.Context(), pool, small)).name(t); got != name || fake.Frozen(name) {
			t.Errorf("got %s, frozen %t, want %s running", got, fake.Frozen(name), name)
		}
	})
}
