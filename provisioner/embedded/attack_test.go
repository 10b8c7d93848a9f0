package embedded_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	"wheelhouse/provisioner/provisionertest"
)

// TestAttack is a student who has root in privileged Pods of one cluster and tries
// everything on what is outside of it: generically, on every mount, folder, process
// and descriptor that such a Pod can name, so that what is added later is attacked
// as well. Two other clusters, one that is made afterwards, and the host are
// compared file by file. The program that attacks is testdata/attack.
func TestAttack(t *testing.T) {
	a := newArena(t)
	all := os.Getenv(attackVariable) == "all"
	var before snapshot
	if all {
		before = a.snapshot(t)
	}
	attacks := []struct {
		name string
		run  func(*testing.T)
	}{
		{"walls", a.testWalls},
		{"programs of the host", a.testPrograms},
		{"system calls", a.testCalls},
		{"namespaces", a.testNamespaces},
		{"processes", a.testProcesses},
		{"mounts", a.testMounts},
		{"sight", a.testSight},
		{"watching", a.testWatching},
		{"quick limits", a.testQuickLimits},
		{"the kernel's memory", a.testKernelMemory},
		{"limits", a.testLimits},
		{"descriptors", a.testDescriptors},
		{"links", a.testLinks},
	}
	if !all {
		const quick = 10 // those that leave the cluster as it was
		attacks = attacks[:quick]
		t.Logf("limits, descriptors, links and the comparison of files are not tried: make test-attack tries all")
	}
	for _, attack := range attacks {
		began := time.Now()
		t.Run(attack.name, attack.run)
		t.Logf("%s took %s", attack.name, time.Since(began).Round(time.Second/10))
	}
	if all {
		t.Run("comparison", func(t *testing.T) { a.testUnchanged(t, before) })
	}
	t.Run("deep control groups", a.testDeepGroups) // the last: the neighbour is gone afterwards
}

// attackVariable is "all" where the attacks are tried that take minutes, too, and load
// the machine.
const attackVariable = "WHEELHOUSE_TEST_ATTACK"

// arena is what an attack happens in.
type arena struct {
	options  embedded.Options
	provider *embedded.Provider
	cache    string // of packs

	attacker, victim, neighbour *opened

	secrets  []string // files on the host that no cluster may see
	ran      *programs
	baseline map[sight]bool // what the attacker's nodes, workstation and Pods see of the outside by right
}

// opened is a cluster and its workstation.
type opened struct {
	name string
	workstationtest.Workstation
}

// nodes are the attacker's.
var nodes = []string{"control-plane", "worker-1"}

// newArena makes the clusters, all at once, with Pods in each.
func newArena(t *testing.T) *arena {
	t.Helper()
	a := &arena{options: optionsAt(t, t.TempDir()), cache: provisionertest.PackCache(t)}
	a.options.RunDir = newRunDir(t)
	a.options.Limits.Disk = 3 << 30    // so that it can be filled
	a.options.Limits.Memory = 12 << 30 // for thousands of processes, descriptors and connections
	a.provider = newProvider(t, a.options)
	a.putSecrets(t)
	t.Cleanup(func() { removeMarkers(t, a.cache) })
	a.ran = watchPrograms(t)
	a.ran.collect(t, "before", func() {
		made := a.create(t, 1, 0, 0)
		a.attacker, a.victim, a.neighbour = made[0], made[1], made[2]
	})
	var pods sync.WaitGroup
	errs := make([]error, 3+len(nodes))
	for i, node := range nodes {
		pods.Go(func() { errs[i] = a.attacker.startAttackPod(t.Context(), node) })
	}
	for i, c := range []*opened{a.victim, a.neighbour} {
		pods.Go(func() { errs[len(nodes)+i] = c.startImagePods(t.Context(), a.images(t)) })
	}
	pods.Go(func() { errs[len(nodes)+2] = a.neighbour.startAttackPod(t.Context(), nodes[0]) })
	pods.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.baseline = a.sights(t)
	return a
}

// newRunDir makes a run folder, which shares the list of ids with the machine's
// other clusters: no two clusters may have the same ones.
func newRunDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "wheelhouse-attack-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	const ids = "/run/wheelhouse/ids"
	if err := os.MkdirAll(ids, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ids, filepath.Join(dir, "ids")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// putSecrets writes files that an attacker who gets out would see: in the data and
// run folders, beside the pack, and where else a machine has its files.
func (a *arena) putSecrets(t *testing.T) {
	t.Helper()
	a.secrets = nil
	etc := filepath.Join(t.TempDir(), "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{a.options.DataDir, a.options.RunDir, filepath.Dir(a.packDir(t)), etc} {
		path := filepath.Join(dir, "wheelhouse-secret-"+strings.ToLower(rand.Text()[:8]))
		if err := os.WriteFile(path, []byte("secret\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(path) })
		a.secrets = append(a.secrets, path)
	}
}

func (a *arena) packDir(t *testing.T) string {
	t.Helper()
	p, err := a.options.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p.Dir()
}

// images are those of the pack, each under one of its names.
func (a *arena) images(t *testing.T) []string {
	p, err := a.options.Pack()
	if err != nil {
		t.Error(err)
		return nil
	}
	var refs []string
	known := map[string]bool{}
	for _, image := range p.Manifest().Images {
		if !known[image.Digest] {
			known[image.Digest] = true
			refs = append(refs, image.Ref)
		}
	}
	return refs
}

// create makes a cluster for each number of workers at the same time.
func (a *arena) create(t *testing.T, workers ...int) []*opened {
	t.Helper()
	made, errs := make([]*opened, len(workers)), make([]error, len(workers))
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	var wait sync.WaitGroup
	for i, n := range workers {
		made[i] = &opened{name: newName()}
		t.Cleanup(func() { a.remove(t, made[i].name) })
		wait.Go(func() { _, errs[i] = a.provider.Create(ctx, made[i].name, provisioner.Spec{Workers: n}, nil) })
	}
	wait.Wait()
	for i, c := range made {
		if errs[i] != nil {
			t.Fatalf("create %s: %v", c.name, errs[i])
		}
		c.Workstation = openWorkstation(t, a.provider, c.name)
	}
	return made
}

// remove deletes a cluster, of which nothing may be left.
func (a *arena) remove(t *testing.T, name string) {
	deleteCluster(t, a.provider, name)
	left := leftovers(t, a.options.DataDir, name)
	containers, err := filepath.Glob(filepath.Join(a.options.RunDir, "runc", name+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	if left = append(left, containers...); len(left) > 0 {
		t.Errorf("left behind of %s: %q", name, left)
	}
}
