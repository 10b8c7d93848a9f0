package provisionertest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
)

// ContractOptions say what a provider can do.
type ContractOptions struct {
	// New returns a provider on a data directory. It is called again with the
	// same one where a restart is played, and in another process to be killed: it
	// must not clean up the directory's clusters.
	New func(t testing.TB, dataDir string) provisioner.Provider

	// API: the clusters have an API server that lists their nodes.
	API bool

	// Workers: clusters may have nodes beside the control plane.
	Workers bool

	// CreateTimeout is for one creation; 0 means five minutes.
	CreateTimeout time.Duration

	// Leftovers names what the machine still holds of the cluster name beyond
	// what the provider lists: containers, networks, folders. nil: it holds
	// nothing else.
	Leftovers func(t testing.TB, dataDir, name string) []string
}

// Contract tests what package provisioner promises of every provider. It plays a
// crash by running its test again in a process that it kills, so it must be the
// first thing that its test does. It deletes every cluster that it makes.
func Contract(t *testing.T, options ContractOptions) {
	if options.CreateTimeout == 0 {
		options.CreateTimeout = 5 * time.Minute
	}
	c := &contract{ContractOptions: options, t: t}
	if victim() {
		c.beKilled(t)
		return
	}
	c.dir = t.TempDir()
	c.provider = options.New(t, c.dir)
	t.Cleanup(func() { c.cleanUp(t) })
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"what is not there", c.testNothing},
		{"two at once", c.testTwoAtOnce},
		{"access", c.testAccess},
		{"a name that is taken", c.testNameTaken},
		{"a restart", c.testRestart},
		{"another owner", c.testOtherOwner},
		{"deletion", c.testDeletion},
		{"cancelled in the middle", c.testCancelled},
		{"killed in the middle", c.testKilled},
	} {
		// Each part builds on the one before.
		if !t.Run(part.name, part.test) {
			break
		}
	}
}

// contract is one run of it.
type contract struct {
	ContractOptions
	t        *testing.T // of the whole contract; a part has its own
	dir      string
	provider provisioner.Provider
	made     []string             // names of all clusters, for cleanUp
	first    *provisioner.Cluster // of testTwoAtOnce, in the order of their names
	second   *provisioner.Cluster
}

func (c *contract) testNothing(t *testing.T) {
	name := c.newName()
	c.wantClusters(t, c.provider)
	c.wantGone(t, c.provider, name)
	if err := c.provider.Delete(t.Context(), name); err != nil {
		t.Errorf("delete what is not there: %v", err)
	}
}

// testTwoAtOnce makes the clusters that the next parts use.
func (c *contract) testTwoAtOnce(t *testing.T) {
	names := []string{c.newName(), c.newName()}
	slices.Sort(names)
	specs := []provisioner.Spec{{}, {}}
	if c.Workers {
		specs[1].Workers = 1
	}
	type outcome struct {
		cluster *provisioner.Cluster
		err     error
	}
	outcomes := []chan outcome{make(chan outcome, 1), make(chan outcome, 1)}
	watches := []*watch{newWatch(t), newWatch(t)}
	before := time.Now().Add(-time.Minute)
	for i, name := range names {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), c.CreateTimeout)
			defer cancel()
			cluster, err := c.provider.Create(ctx, name, specs[i], watches[i].report)
			outcomes[i] <- outcome{cluster, err}
			watches[i].over()
		}()
	}
	for i, name := range names {
		<-watches[i].middle
		if got := c.find(t, c.provider, name); got == nil || got.State == provisioner.Broken {
			t.Errorf("listed while it is made: got %+v", got)
		}
	}
	for i, name := range names {
		o := <-outcomes[i]
		if o.err != nil {
			t.Fatalf("create %s: %v", name, o.err)
		}
		watches[i].wantFinished()
		got := *o.cluster
		if got.Name != name || got.Spec != specs[i] || got.State != provisioner.Ready || got.Provider == "" ||
			got.CreatedAt.Before(before) || got.CreatedAt.After(time.Now()) {
			t.Errorf("created: got %+v", got)
		}
		if i == 0 {
			c.first = o.cluster
		} else {
			c.second = o.cluster
		}
	}
	c.wantClusters(t, c.provider, *c.first, *c.second)
}

func (c *contract) testAccess(t *testing.T) {
	c.wantAccess(t, c.provider, c.first)
	c.wantAccess(t, c.provider, c.second)
	if c.API {
		c.wantApart(t)
	}
}

// testNameTaken: a second creation of a name fails, and spares the first.
func (c *contract) testNameTaken(t *testing.T) {
	_, err := c.provider.Create(t.Context(), c.first.Name, provisioner.Spec{}, nil)
	if provisioner.ReasonOf(err) != provisioner.NameTaken {
		t.Errorf("got %v, want NameTaken", err)
	}
	c.wantClusters(t, c.provider, *c.first, *c.second)
	c.wantAccess(t, c.provider, c.first)
}

// testRestart: another process of the same owner finds everything again.
func (c *contract) testRestart(t *testing.T) {
	c.provider = c.New(c.t, c.dir)
	c.wantClusters(t, c.provider, *c.first, *c.second)
	c.wantAccess(t, c.provider, c.first)
}

// testOtherOwner: who has another data directory neither sees nor deletes them.
func (c *contract) testOtherOwner(t *testing.T) {
	other := c.New(t, t.TempDir())
	c.wantClusters(t, other)
	c.wantGone(t, other, c.first.Name)
	if err := other.Delete(t.Context(), c.first.Name); err != nil {
		t.Logf("another owner's deletion: %v", err) // either is fine, as long as nothing happens
	}
	c.wantClusters(t, c.provider, *c.first, *c.second)
	c.wantAccess(t, c.provider, c.first)
}

func (c *contract) testDeletion(t *testing.T) {
	c.delete(t, c.first.Name)
	c.wantClusters(t, c.provider, *c.second)
	c.wantAccess(t, c.provider, c.second)
	c.delete(t, c.second.Name)
	c.wantClusters(t, c.provider)
}

// testCancelled: a creation that is given up leaves nothing.
func (c *contract) testCancelled(t *testing.T) {
	name := c.newName()
	ctx, cancel := context.WithTimeout(t.Context(), c.CreateTimeout)
	defer cancel()
	w := newWatch(t)
	done := make(chan error, 1)
	go func() {
		_, err := c.provider.Create(ctx, name, provisioner.Spec{}, w.report)
		done <- err
		w.over()
	}()
	<-w.middle
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want one that is context.Canceled", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the creation has not returned a minute after it was cancelled")
	}
	c.wantClusters(t, c.provider)
	c.wantGone(t, c.provider, name)
	c.wantNoLeftovers(t, name)

	// A context that has ended before makes nothing at all.
	if _, err := c.provider.Create(ctx, name, provisioner.Spec{}, nil); err == nil {
		t.Error("created although the context had ended")
	}
	c.wantClusters(t, c.provider)
}

// testKilled: what a killed process had half made is listed, and can be deleted.
func (c *contract) testKilled(t *testing.T) {
	name := c.newName()
	c.kill(t, name)
	c.provider = c.New(c.t, c.dir)
	if got := c.find(t, c.provider, name); got == nil || got.State != provisioner.Creating {
		t.Errorf("half made: got %+v, want it to be Creating", got)
	}
	if _, err := c.provider.Access(t.Context(), name); !errors.Is(err, provisioner.ErrNotFound) {
		t.Errorf("access to a half made cluster: got %v, want ErrNotFound", err)
	}
	c.delete(t, name)
	c.wantClusters(t, c.provider)
}

// delete deletes the cluster name, twice.
func (c *contract) delete(t *testing.T, name string) {
	t.Helper()
	for range 2 {
		if err := c.provider.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	c.wantGone(t, c.provider, name)
	c.wantNoLeftovers(t, name)
}

// cleanUp deletes what a part that failed has left.
func (c *contract) cleanUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, name := range c.made {
		if err := c.provider.Delete(ctx, name); err != nil {
			t.Errorf("clean up %s: %v", name, err)
		}
	}
}

// newName returns a name that no cluster has, and notes it for cleanUp.
func (c *contract) newName() string {
	name := "wh-" + strings.ToLower(rand.Text()[:8])
	c.made = append(c.made, name)
	return name
}
