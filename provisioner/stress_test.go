package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// auditor stands between a pool and its provider, and knows who has what.
type auditor struct {
	provisioner.Provider
	t   *testing.T
	max int

	mu     sync.Mutex
	had    map[string]int  // cluster -> who got it, ever
	held   map[string]bool // not released yet
	alive  map[string]bool // made or being made, and not deleted
	atWork int             // creations
}

func (a *auditor) Create(ctx context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	a.mu.Lock()
	a.alive[name] = true
	a.atWork++
	if a.atWork > 3 {
		a.t.Errorf("%d creations at once, want 3 at most", a.atWork)
	}
	if len(a.alive) > a.max {
		a.t.Errorf("%d clusters at once, want %d at most", len(a.alive), a.max)
	}
	a.mu.Unlock()
	cluster, err := a.Provider.Create(ctx, name, spec, report)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.atWork--
	if err != nil {
		delete(a.alive, name)
	}
	return cluster, err
}

func (a *auditor) Delete(ctx context.Context, name string) error {
	a.mu.Lock()
	if a.held[name] {
		a.t.Errorf("%s is deleted while %d has it", name, a.had[name])
	}
	a.mu.Unlock()
	err := a.Provider.Delete(ctx, name)
	if err == nil {
		a.mu.Lock()
		delete(a.alive, name)
		a.mu.Unlock()
	}
	return err
}

// handedOver notes that student who has the cluster name.
func (a *auditor) handedOver(name string, who int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, ok := a.had[name]; ok {
		a.t.Errorf("%s was handed to %d, and to %d before", name, who, before)
	}
	a.had[name], a.held[name] = who, true
}

func (a *auditor) released(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.held, name)
}

// vanish removes a cluster behind everybody's back.
func (a *auditor) vanish(fake *provisionertest.Fake, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fake.Vanish(name)
	delete(a.alive, name)
}

// Students come, give up, stay and go; creations, deletions and looks fail;
// clusters vanish and break; the process is restarted. Whatever happens, no
// cluster has two students, ever, none is deleted while a student has it, the
// limits hold, and in the end everything is tidy.
func TestStress(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for seed := range rounds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stress(t, uint64(seed)) })
		})
	}
}

const stressStudents = 20

func stress(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 0))
	fake := newFake(t, provisionertest.FakeOptions{
		Dir: t.TempDir(), Phases: tenSeconds(), DeleteTime: 2 * time.Second, ListTime: 1500 * time.Millisecond,
	})
	a := &auditor{
		Provider: fake, t: t, max: 3 + dice.IntN(10),
		had: map[string]int{}, held: map[string]bool{}, alive: map[string]bool{},
	}
	options := provisioner.PoolOptions{
		Provider: a, Size: dice.IntN(4), Concurrency: 3, Max: a.max, FreshDir: t.TempDir(),
	}
	var pool *provisioner.Pool
	for range 4 { // each one after a restart
		a.mu.Lock()
		sessions := slices.Collect(maps.Keys(a.held))
		a.mu.Unlock()
		pool = provisioner.NewPool(options)
		pool.Adopt(adopted(sessions))
		stop := run(t, pool)
		var students sync.WaitGroup
		for _, name := range sessions {
			stay := time.Duration(dice.IntN(300)) * time.Second
			students.Go(func() {
				time.Sleep(stay)
				a.released(name)
				pool.Release(name)
			})
		}
		for who := range stressStudents {
			own := rand.New(rand.NewPCG(dice.Uint64(), 1))
			students.Go(func() { student(a, pool, own, who) })
		}
		wild := rand.New(rand.NewPCG(dice.Uint64(), 2))
		students.Go(func() { vandal(a, fake, wild) })
		if dice.IntN(2) == 0 {
			time.Sleep(time.Duration(dice.IntN(400)) * time.Second) // and the process dies in the middle
			stop()
		}
		students.Wait()
		stop()
	}

	// The dust settles: one more process, and everybody goes home.
	pool = provisioner.NewPool(options)
	a.mu.Lock()
	sessions := slices.Collect(maps.Keys(a.held))
	a.mu.Unlock()
	pool.Adopt(adopted(sessions))
	run(t, pool)
	for _, name := range sessions {
		a.released(name)
		pool.Release(name)
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	wantStatus(t, pool, provisioner.Status{Warm: options.Size})
	if got := names(t, fake); len(got) != options.Size {
		t.Errorf("at the end there are %v, want %d", got, options.Size)
	}
}

// adopted gives the clusters of an earlier process to the owners of the claims.
func adopted(names []string) map[string]string {
	out := map[string]string{}
	for i, name := range names {
		out[name] = fmt.Sprint(i % 2)
	}
	return out
}

// student claims a few clusters, one after the other, with little patience at
// times. Now and then the process dies before the cluster is given back.
func student(a *auditor, pool *provisioner.Pool, dice *rand.Rand, who int) {
	for range 4 {
		time.Sleep(time.Duration(dice.IntN(60_000)) * time.Millisecond)
		// Whole seconds meet the moments at which clusters get ready.
		patience := time.Duration(1+dice.IntN(120)) * time.Second
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cluster, err := pool.Claim(ctx, fmt.Sprint(who%2), provisioner.Spec{Workers: dice.IntN(2)}, func(provisioner.Progress) {})
		cancel()
		if err != nil {
			continue
		}
		a.handedOver(cluster.Name, who)
		time.Sleep(time.Duration(dice.IntN(60_000)) * time.Millisecond)
		if dice.IntN(10) == 0 {
			return
		}
		a.released(cluster.Name)
		pool.Release(cluster.Name)
	}
}

// vandal makes things go wrong.
func vandal(a *auditor, fake *provisionertest.Fake, dice *rand.Rand) {
	for range 60 {
		time.Sleep(time.Duration(dice.IntN(10_000)) * time.Millisecond)
		created := fake.Created()
		switch dice.IntN(6) {
		case 0:
			fake.Fail("Create", errors.New("no space left on device"))
		case 1:
			fake.Fail("Delete", errors.New("device busy"))
		case 2:
			fake.Fail("List", errors.New("engine restarts"))
		case 3:
			if len(created) > 0 {
				a.vanish(fake, created[dice.IntN(len(created))])
			}
		case 4:
			if len(created) > 0 {
				fake.Break(created[dice.IntN(len(created))], "a node died")
			}
		}
	}
}
