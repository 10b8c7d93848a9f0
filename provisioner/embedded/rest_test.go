package embedded_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"wheelhouse/provisioner"
)

// TestPoolRests: a claimed cluster that rests takes no processor time, counts as
// well, and answers as soon as a pool gives access to it: another process's, too.
func TestPoolRests(t *testing.T) {
	dir := t.TempDir()
	provider := newProvider(t, optionsAt(t, dir))
	pool, stop := runPool(t, provider)
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	cluster, err := pool.Claim(ctx, "", provisioner.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := cluster.Name
	t.Cleanup(func() { deleteCluster(t, provider, name) }) // where the test ends early
	wake := func(pool *provisioner.Pool) {
		t.Helper()
		start := time.Now()
		access, err := pool.Access(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		health, err := provisioner.NewHealth(access)
		if err != nil {
			t.Fatal(err)
		}
		if err := health.AwaitAPI(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("its API server answered after %s", time.Since(start))
	}
	rest := func(pool *provisioner.Pool) {
		t.Helper()
		if err := pool.Rest(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}

	rest(pool)
	before := processorTime(t, name)
	<-time.After(12 * time.Second) // what is measured; the pool looks twice
	if after := processorTime(t, name); after != before {
		t.Errorf("at rest it took %s of processor time", after-before)
	}
	if c, err := pool.Cluster(name); err != nil || c.State != provisioner.Ready {
		t.Errorf("at rest: got %+v, %v", c, err)
	}
	wake(pool)
	rest(pool)
	stop()

	pool, _ = runPool(t, newProvider(t, optionsAt(t, dir)), name)
	wake(pool)
	rest(pool)
	pool.Release(name)
	await(t, "the cluster that rested is not deleted", func() bool { return len(leftovers(t, dir, name)) == 0 })
}

// runPool runs a pool, which has the clusters names already, until stop.
func runPool(t *testing.T, provider provisioner.Provider, names ...string) (_ *provisioner.Pool, stop func()) {
	pool := provisioner.NewPool(provisioner.PoolOptions{Provider: provider})
	owners := map[string]string{}
	for _, name := range names {
		owners[name] = ""
	}
	pool.Adopt(owners)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("pool: %v", err)
		}
	})
	t.Cleanup(stop)
	return pool, stop
}
