package embedded_test

import (
	"context"
	"testing"
	"time"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
)

// Tests of one cluster are parallel ones, because they wait most of the time; so
// they run after those that look at what the whole machine has of clusters.

// TestCluster looks at one cluster with a worker: from its workstation, from its
// pods, and from outside. Its parts are in the files named after them.
func TestCluster(t *testing.T) {
	t.Parallel()
	p, dir, _, w := withWorker(t)

	t.Run("workstation", func(t *testing.T) { testWorkstation(t, w) })
	t.Run("terminal", w.Terminal)
	t.Run("features", func(t *testing.T) { testFeatures(t, w) })
	t.Run("drain", func(t *testing.T) { testDrain(t, w) })
	t.Run("another cluster", func(t *testing.T) { testOther(t, p, newCluster(t, p, dir, 0), w) })
	t.Run("kubeconfig", w.Kubeconfig)
	t.Run("forgeries", w.Forgeries)
	t.Run("fork bomb", w.ForkBomb)
}

// TestLifetime is what a cluster with a worker can live through.
func TestLifetime(t *testing.T) {
	t.Parallel()
	p, dir, name, w := withWorker(t)

	t.Run("pace", func(t *testing.T) { testPace(t, name, w) })
	t.Run("freeze", func(t *testing.T) { testFreeze(t, p, name, w) })
	t.Run("node", func(t *testing.T) { testNode(t, p, name, w) })
	t.Run("stop", func(t *testing.T) { testStop(t, p, dir, name, w) })
	t.Run("killed", func(t *testing.T) { testKilled(t, p, name) })
}

// withWorker makes a cluster of two nodes in a data directory of its own, and opens
// its workstation.
func withWorker(t *testing.T) (p *embedded.Provider, dataDir, name string, w workstationtest.Workstation) {
	t.Helper()
	dataDir = t.TempDir()
	p = newProvider(t, optionsAt(t, dataDir))
	name = newCluster(t, p, dataDir, 1)
	return p, dataDir, name, openWorkstation(t, p, name)
}

// newCluster makes a cluster, which is deleted when the test ends: then nothing
// of it may be left.
func newCluster(t *testing.T, p *embedded.Provider, dataDir string, workers int) string {
	t.Helper()
	name := newName()
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	t.Cleanup(func() {
		deleteCluster(t, p, name)
		if left := leftovers(t, dataDir, name); len(left) > 0 {
			t.Errorf("left behind of %s: %q", name, left)
		}
	})
	if _, err := p.Create(ctx, name, provisioner.Spec{Workers: workers}, nil); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return name
}

func deleteCluster(t testing.TB, p *embedded.Provider, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := p.Delete(ctx, name); err != nil {
		t.Errorf("delete %s: %v", name, err)
	}
}
