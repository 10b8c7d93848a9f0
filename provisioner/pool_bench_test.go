package provisioner_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// BenchmarkClaimWarm measures the hand-over of a warm cluster, its note on the
// disk included. What a student waits for on top of it is the lab's set-up.
func BenchmarkClaimWarm(b *testing.B) {
	fake := newFake(b, provisionertest.FakeOptions{})
	pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 8, FreshDir: b.TempDir()})
	run(b, pool)
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		awaitWarm(b, pool)
		b.StartTimer()
		start := time.Now()
		cluster, err := pool.Claim(context.Background(), "", provisioner.Spec{}, nil)
		took = append(took, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		pool.Release(cluster.Name)
		b.StartTimer()
	}
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

// awaitWarm waits until the pool has a cluster to hand over.
func awaitWarm(b *testing.B, pool *provisioner.Pool) {
	b.Helper()
	deadline := time.Now().Add(time.Minute)
	for pool.Status().Warm == 0 {
		if time.Now().After(deadline) {
			b.Fatalf("no warm cluster within a minute: %+v", pool.Status())
		}
		time.Sleep(100 * time.Microsecond)
	}
}
