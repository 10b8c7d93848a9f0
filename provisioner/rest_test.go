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

// A claimed cluster rests when it is told to, and goes on before it is reached.
func TestClaimedClusterRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Dir: t.TempDir()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		stop := run(t, pool)
		name := (<-claim(t.Context(), pool, small)).name(t)
		rest := func(pool *provisioner.Pool) {
			t.Helper()
			if err := pool.Rest(t.Context(), name); err != nil || !fake.Frozen(name) {
				t.Fatalf("rest: got %v, frozen %t", err, fake.Frozen(name))
			}
		}
		wake := func(pool *provisioner.Pool) {
			t.Helper()
			if _, err := pool.Access(t.Context(), name); err != nil || fake.Frozen(name) {
				t.Fatalf("access: got %v, frozen %t", err, fake.Frozen(name))
			}
		}
		rest(pool)
		rest(pool)
		time.Sleep(time.Hour) // it is looked at meanwhile
		if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Ready || !fake.Frozen(name) {
			t.Errorf("after an hour: got %+v, %v, frozen %t", c, err, fake.Frozen(name))
		}
		wake(pool)
		wake(pool)
		rest(pool)
		stop()

		pool = provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		pool.Adopt(map[string]string{name: "ann"})
		run(t, pool)
		time.Sleep(time.Minute)
		wake(pool)
		rest(pool)
		pool.Release(name)
		synctest.Wait()
		if left := names(t, fake); len(left) != 0 {
			t.Errorf("released while it rested: %v are left", left)
		}
		if err := pool.Rest(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("rest of a deleted cluster: got %v", err)
		}
	})
}

// Who needs a cluster in the moment in which it is frozen gets it thawed.
func TestAccessWhileFreezing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		name := (<-claim(t.Context(), pool, small)).name(t)
		release := fake.Block("Freeze")
		rested, reached := make(chan error, 1), make(chan error, 1)
		go func() { rested <- pool.Rest(t.Context(), name) }()
		synctest.Wait()
		go func() {
			_, err := pool.Access(t.Context(), name)
			reached <- err
		}()
		synctest.Wait()
		select {
		case err := <-reached:
			t.Errorf("access was given (%v) while the cluster is being frozen", err)
		default:
		}
		release()
		if err := errors.Join(<-rested, <-reached); err != nil || fake.Frozen(name) {
			t.Errorf("got %v, frozen %t", err, fake.Frozen(name))
		}
	})
}

// A cluster that cannot be frozen or thawed stays somebody's, and is tried again.
func TestClaimedClusterInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := errors.New("device or resource busy")
		fake := newFake(t, provisionertest.FakeOptions{})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		name := (<-claim(t.Context(), pool, small)).name(t)
		fake.Fail("Freeze", busy)
		if err := pool.Rest(t.Context(), name); !errors.Is(err, busy) || fake.Frozen(name) {
			t.Errorf("a freeze that fails: got %v, frozen %t", err, fake.Frozen(name))
		}
		if err := pool.Rest(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		fake.Fail("Thaw", busy)
		if _, err := pool.Access(t.Context(), name); provisioner.ReasonOf(err) != provisioner.NotThawed {
			t.Errorf("a thaw that fails: got %v, want NotThawed", err)
		}
		if _, err := pool.Access(t.Context(), name); err != nil || fake.Frozen(name) {
			t.Errorf("the next one: got %v, frozen %t", err, fake.Frozen(name))
		}

		// One whose processes end while it rests starts again once it is needed.
		if err := pool.Rest(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		fake.Halt(name)
		time.Sleep(time.Minute)
		if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Halted {
			t.Errorf("halted while it rested: got %+v, %v", c, err)
		}
		if _, err := pool.Access(t.Context(), name); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Ready {
			t.Errorf("needed again: got %+v, %v", c, err)
		}
	})
}
