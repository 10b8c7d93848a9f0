package provisioner_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// tenSeconds are the phases of a creation that takes ten seconds.
func tenSeconds() []provisioner.Phase {
	return []provisioner.Phase{
		{Name: "Nodes", Title: "Starting the nodes", Estimate: 8 * time.Second},
		{Name: "Network", Title: "Connecting the pods", Estimate: 2 * time.Second},
	}
}

func newFake(t testing.TB, options provisionertest.FakeOptions) *provisionertest.Fake {
	t.Helper()
	fake, err := provisionertest.NewFake(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake
}

// run starts a pool, and returns what stops it and waits. It is stopped at the
// end of the test in any case.
func run(t testing.TB, pool *provisioner.Pool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := pool.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// outcome is how a claim ended, and all that it was told meanwhile.
type outcome struct {
	cluster *provisioner.Cluster
	err     error
	reports []provisioner.Progress
	began   time.Time
	took    time.Duration
}

// claim makes a claim in the background, of an owner who makes no other.
func claim(ctx context.Context, pool *provisioner.Pool, spec provisioner.Spec) <-chan outcome {
	return claimAs(ctx, pool, rand.Text(), spec)
}

// claimAs makes a claim of owner's in the background.
func claimAs(ctx context.Context, pool *provisioner.Pool, owner string, spec provisioner.Spec) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		o := outcome{began: time.Now()}
		o.cluster, o.err = pool.Claim(ctx, owner, spec, func(p provisioner.Progress) { o.reports = append(o.reports, p) })
		o.took = time.Since(o.began)
		out <- o
	}()
	return out
}

// name returns the cluster of a claim that has to have succeeded.
func (o outcome) name(t testing.TB) string {
	t.Helper()
	if o.err != nil {
		t.Fatalf("claim: %v", o.err)
	}
	return o.cluster.Name
}

// messages returns what a claim was told beside its phases, each once.
func (o outcome) messages() []string {
	var out []string
	for _, r := range o.reports {
		out = append(out, r.Message)
	}
	return slices.Compact(out)
}

// names lists the clusters of a provider.
func names(t testing.TB, provider provisioner.Provider) []string {
	t.Helper()
	clusters, err := provider.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range clusters {
		out = append(out, c.Name)
	}
	return out
}

func wantStatus(t testing.TB, pool *provisioner.Pool, want provisioner.Status) {
	t.Helper()
	got := pool.Status()
	got.Err, got.RetryAt = nil, time.Time{}
	if got != want {
		t.Errorf("status: got %+v, want %+v", got, want)
	}
}

// A warm cluster changes hands at once, though the engine answers nothing.
func TestClaimWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 2})
		run(t, pool)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Warm: 2})

		for _, method := range []string{"Create", "List", "Delete"} {
			defer fake.Block(method)()
		}
		first := <-claim(t.Context(), pool, small)
		second := <-claim(t.Context(), pool, small)
		if first.took != 0 || second.took != 0 {
			t.Errorf("took %s and %s, want no time at all", first.took, second.took)
		}
		if first.name(t) == second.name(t) {
			t.Errorf("%s was handed over twice", first.name(t))
		}
		if got := first.cluster; got.State != provisioner.Ready || got.Spec != small || !strings.HasPrefix(got.Name, "wh-") || len(got.Name) != 11 {
			t.Errorf("got %+v", got)
		}
		wantStatus(t, pool, provisioner.Status{Claimed: 2, Creating: 2})
		if _, err := pool.Access(t.Context(), first.name(t)); err != nil {
			t.Error(err)
		}
		if c, err := pool.Cluster(first.name(t)); err != nil || *c != *first.cluster {
			t.Errorf("cluster: got %v, %v", c, err)
		}
	})
}

func TestClaimCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		early := claim(t.Context(), pool, large) // before Run
		synctest.Wait()
		run(t, pool)
		o := <-early
		if o.name(t); o.took != 10*time.Second || o.cluster.Spec != large {
			t.Errorf("took %s for %+v, want 10s", o.took, o.cluster.Spec)
		}
		last := o.reports[len(o.reports)-1]
		if last.Place != 0 || last.Message != "" || !slices.ContainsFunc(last.Phases, func(p provisioner.Phase) bool {
			return p.Name == "Network" && !p.StartedAt.IsZero()
		}) {
			t.Errorf("last report: got %+v", last)
		}
	})
}

// Five come at once, two clusters are made at a time: everybody sees their place
// and a sensible estimate, and the line is served in order.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		synctest.Wait()
		(<-claim(t.Context(), pool, small)).name(t) // so that it knows how long it takes

		var line []<-chan outcome
		for range 5 {
			line = append(line, claim(t.Context(), pool, small))
			synctest.Wait() // so that their order is certain
		}
		wantStatus(t, pool, provisioner.Status{Claimed: 1, Creating: 2, Waiting: 5})
		want := []struct {
			place int           // at first
			first time.Duration // the first estimate
			took  time.Duration
		}{
			{0, 10 * time.Second, 10 * time.Second},
			{0, 10 * time.Second, 10 * time.Second},
			{1, 20 * time.Second, 20 * time.Second},
			{2, 20 * time.Second, 20 * time.Second},
			{3, 30 * time.Second, 30 * time.Second},
		}
		seen := map[string]bool{}
		for i, waiting := range line {
			o := <-waiting
			if seen[o.name(t)] {
				t.Errorf("%s was handed over twice", o.name(t))
			}
			seen[o.name(t)] = true
			if o.took != want[i].took {
				t.Errorf("%d: took %s, want %s", i, o.took, want[i].took)
			}
			first := o.reports[0]
			if got, known := first.Remaining(o.began); first.Place != want[i].place || !known || got != want[i].first {
				t.Errorf("%d: first told place %d and %s to go, want %d and %s", i, first.Place, got, want[i].place, want[i].first)
			}
			if last := o.reports[len(o.reports)-1].Phases[0]; (last.Name == "Line") != (want[i].place > 0) || last.EndedAt.IsZero() && want[i].place > 0 {
				t.Errorf("%d: at last the first phase is %+v", i, last)
			}
			places := slices.Compact(slices.Collect(func(yield func(int) bool) {
				for _, r := range o.reports {
					if !yield(r.Place) {
						return
					}
				}
			}))
			if !slices.IsSortedFunc(places, func(a, b int) int { return b - a }) || places[len(places)-1] != 0 {
				t.Errorf("%d: places %v, want them to fall to 0", i, places)
			}
		}
	})
}

// The first line of all, of which nothing was learned yet: while nobody knows how long
// it takes nobody is told, and then each is told what is theirs.
func TestFirstLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake})
		run(t, pool)
		synctest.Wait()
		var line []<-chan outcome
		for range 5 {
			line = append(line, claim(t.Context(), pool, small))
			synctest.Wait()
		}
		for i, waiting := range line {
			o := <-waiting
			o.name(t)
			want := time.Duration(1+i/2) * 10 * time.Second
			at := slices.IndexFunc(o.reports, func(p provisioner.Progress) bool { _, known := p.Remaining(o.began); return known })
			if at < 0 {
				t.Errorf("%d: never told how long it takes", i)
				continue
			}
			if got, _ := o.reports[at].Remaining(o.began); got != want {
				t.Errorf("%d: told first that %s are left, want %s; before that %+v", i, got, want, o.reports[:at])
			}
		}
	})
}

// What was used is deleted, and nobody ever gets it again.
func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{DeleteTime: 3 * time.Second})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1, FreshDir: t.TempDir()})
		run(t, pool)
		used := (<-claim(t.Context(), pool, small)).name(t)
		fake.Fail("Delete", errors.New("device busy"), errors.New("device busy"))
		pool.Release(used)
		pool.Release(used)
		pool.Release("wh-neverwas")
		if next := (<-claim(t.Context(), pool, small)).name(t); next == used {
			t.Fatalf("%s was handed over again", used)
		}
		time.Sleep(4 * time.Second) // 3 s of deletion, and part of the backoff
		synctest.Wait()
		if s := pool.Status(); s.Deleting == 0 || s.Err == nil || !s.RetryAt.After(time.Now().Add(-time.Second)) {
			t.Errorf("while its deletion fails: got %+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Claimed: 1, Warm: 1})
		if slices.Contains(names(t, fake), used) {
			t.Errorf("%s is still there", used)
		}
		if _, err := pool.Cluster(used); !errors.Is(err, provisioner.ErrNotFound) {
			t.Errorf("cluster: got %v, want ErrNotFound", err)
		}
	})
}

func TestClaimGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Concurrency: 1})
		run(t, pool)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		first := claim(ctx, pool, small)
		synctest.Wait()
		second := claim(t.Context(), pool, small)
		if o := <-first; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 2*time.Second {
			t.Errorf("given up: got %v after %s", o.err, o.took)
		}
		// What was made for the first is the second's.
		if o := <-second; o.name(t) != fake.Created()[0] || o.took != 10*time.Second {
			t.Errorf("second: got %s after %s, want the first creation after 10s", o.name(t), o.took)
		}
		if _, err := pool.Claim(ctx, "", small, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that has ended: got %v", err)
		}
		wantStatus(t, pool, provisioner.Status{Claimed: 1})
	})
}

// The end of Run leaves nothing half made, and nobody waiting.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1})
		stop := run(t, pool)
		waiting := claim(t.Context(), pool, large)
		time.Sleep(3 * time.Second)
		stop()
		if o := <-waiting; provisioner.ReasonOf(o.err) != provisioner.Stopped {
			t.Errorf("who waited: got %v, want Stopped", o.err)
		}
		if got := names(t, fake); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
		if _, err := pool.Claim(t.Context(), "", small, nil); provisioner.ReasonOf(err) != provisioner.Stopped {
			t.Errorf("who comes later: got %v, want Stopped", err)
		}
		pool.Release("wh-whatever") // must not panic or start anything
		if err := pool.Run(t.Context()); err == nil {
			t.Error("it could be run twice")
		}
	})
}

// A pool that may run two clusters gives up what nobody waits for.
func TestMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, provisionertest.FakeOptions{Phases: tenSeconds()})
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 2, Max: 2})
		run(t, pool)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Warm: 2})
		first := (<-claim(t.Context(), pool, large)).name(t)
		second := (<-claim(t.Context(), pool, large)).name(t)
		third := claim(t.Context(), pool, small)
		time.Sleep(time.Hour)
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Claimed: 2, Waiting: 1})
		pool.Release(first)
		o := <-third
		if o.name(t); o.took != time.Hour+10*time.Second {
			t.Errorf("third: took %s", o.took)
		}
		if got := o.messages(); !strings.Contains(got[0], "All 2 clusters") {
			t.Errorf("messages while it waited: %q", got)
		}
		if got := len(names(t, fake)); got != 2 {
			t.Errorf("%d clusters, want 2: %s among them", got, second)
		}
	})
}

// markOf returns the file that says that a cluster is fresh.
func markOf(dir, name string) string { return filepath.Join(dir, name) }

// A hand-over that cannot be noted on the disk does not happen.
func TestClaimNotRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, dir := newFake(t, provisionertest.FakeOptions{}), t.TempDir()
		pool := provisioner.NewPool(provisioner.PoolOptions{Provider: fake, Size: 1, FreshDir: dir})
		run(t, pool)
		time.Sleep(time.Second) // so that it is older than its replacement
		synctest.Wait()
		name := fake.Created()[0]
		// A folder that is not empty cannot be removed as a file can.
		if err := errors.Join(os.Remove(markOf(dir, name)), os.MkdirAll(filepath.Join(markOf(dir, name), "x"), 0o700)); err != nil {
			t.Fatal(err)
		}
		if o := <-claim(t.Context(), pool, small); provisioner.ReasonOf(o.err) != provisioner.NotRecorded {
			t.Errorf("got %v, want NotRecorded", o.err)
		}
		synctest.Wait()
		wantStatus(t, pool, provisioner.Status{Warm: 2}) // it went back, beside its replacement
		if err := os.RemoveAll(markOf(dir, name)); err != nil {
			t.Fatal(err)
		}
		if got := (<-claim(t.Context(), pool, small)).name(t); got != name {
			t.Errorf("once the disk is well: got %s, want %s", got, name)
		}
		if _, err := os.Stat(markOf(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its mark: %v, want none", err)
		}
	})
}
