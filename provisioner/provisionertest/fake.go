// Package provisionertest holds what tests of clusters need: a scripted
// provider whose clusters are entries in a folder, and the contract that every
// provider has to pass. Only tests import it.
package provisionertest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/provisioner"
)

// FakeOptions script a Fake. The zero value is a provider that makes clusters
// in no time.
type FakeOptions struct {
	// Dir keeps the clusters, so that another Fake of the same Dir finds them.
	// Empty keeps them in memory.
	Dir string

	// Phases are what a creation goes through: each takes its Estimate. nil means
	// DefaultPhases with no time at all.
	Phases []provisioner.Phase

	// DeleteTime is how long a deletion takes.
	DeleteTime time.Duration

	// ListTime is how long a listing takes. It shows what was there when it began.
	ListTime time.Duration

	// Dial opens a connection to the agent on the workstation of the cluster name.
	// nil gives connections whose other end is closed.
	Dial func(ctx context.Context, name string) (net.Conn, error)

	// API serves the cluster name's API over TLS on a loopback port to clients
	// with a certificate of that cluster's authority. nil: there is no API server.
	API func(name string) http.Handler
}

// DefaultPhases are the phases of a Fake that is not told otherwise.
func DefaultPhases() []provisioner.Phase {
	return []provisioner.Phase{
		{Name: "Nodes", Title: "Starting the nodes"},
		{Name: "ControlPlane", Title: "Starting the control plane"},
		{Name: "Network", Title: "Connecting the pods"},
	}
}

// Fake is a provider without clusters. All methods may be called at the same
// time.
type Fake struct {
	options FakeOptions

	mu       sync.Mutex
	clusters map[string]*fakeCluster
	failures map[string][]error // method -> what its next calls return
	blocked  map[string]chan struct{}
	created  []string
	deleted  []string
}

// fakeCluster is what a Fake keeps of one cluster.
type fakeCluster struct {
	Cluster provisioner.Cluster `json:"cluster"`
	CA      authority           `json:"ca"`

	frozen bool
	server *apiServer // nil until somebody asks for access
}

var _ provisioner.Provider = (*Fake)(nil)

// NewFake returns a provider with the clusters that its folder holds. Close ends
// the API servers that it started.
func NewFake(options FakeOptions) (*Fake, error) {
	if options.Phases == nil {
		options.Phases = DefaultPhases()
	}
	f := &Fake{
		options:  options,
		clusters: map[string]*fakeCluster{},
		failures: map[string][]error{},
		blocked:  map[string]chan struct{}{},
	}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("fake provider: %w", err)
	}
	return f, nil
}

// Close ends the API servers. The clusters stay in the folder.
func (f *Fake) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.clusters {
		c.server.close()
	}
}

// Create implements provisioner.Provider.
func (f *Fake) Create(ctx context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	c, err := f.begin(name, spec)
	if err != nil {
		return nil, fmt.Errorf("create cluster %s: %w", name, err)
	}
	err = f.work(ctx, report)
	if err == nil {
		err = f.failure(ctx, "Create")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clusters[name] != c {
		return nil, fmt.Errorf("create cluster %s: %w", name, cmp.Or(err, errors.New("it was deleted meanwhile")))
	}
	if err == nil {
		c.Cluster.State = provisioner.Ready
		err = f.store(c)
	}
	if err != nil {
		f.forget(name)
		return nil, fmt.Errorf("create cluster %s: %w", name, err)
	}
	ready := c.Cluster
	return &ready, nil
}

// begin makes the entry of a cluster that is Creating.
func (f *Fake) begin(name string, spec provisioner.Spec) (*fakeCluster, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clusters[name] != nil {
		return nil, &provisioner.Error{
			Reason:  provisioner.NameTaken,
			Message: "There is a cluster " + name + " already. Choose another name, or delete it first.",
		}
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	c := &fakeCluster{
		Cluster: provisioner.Cluster{
			Name: name, Provider: "fake", Spec: spec,
			State: provisioner.Creating, CreatedAt: time.Now(),
		},
		CA: ca,
	}
	if err := f.store(c); err != nil {
		return nil, err
	}
	f.clusters[name] = c
	f.created = append(f.created, name)
	return c, nil
}

// work goes through the phases.
func (f *Fake) work(ctx context.Context, report func(provisioner.Progress)) error {
	if report == nil {
		report = func(provisioner.Progress) {}
	}
	progress := provisioner.Progress{Phases: f.options.Phases}.Clone()
	report(progress.Clone())
	for i := range progress.Phases {
		phase := &progress.Phases[i]
		phase.StartedAt = time.Now()
		report(progress.Clone())
		if err := wait(ctx, phase.Estimate); err != nil {
			return err
		}
		phase.EndedAt = time.Now()
		report(progress.Clone())
	}
	return nil
}

// wait blocks for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return ctx.Err()
	}
}

// List implements provisioner.Provider.
func (f *Fake) List(ctx context.Context) ([]provisioner.Cluster, error) {
	if err := f.failure(ctx, "List"); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	out := f.list()
	if err := wait(ctx, f.options.ListTime); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	return out, nil
}

func (f *Fake) list() []provisioner.Cluster {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []provisioner.Cluster
	for _, c := range f.clusters {
		out = append(out, c.Cluster)
	}
	slices.SortFunc(out, func(a, b provisioner.Cluster) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Access implements provisioner.Provider.
func (f *Fake) Access(_ context.Context, name string) (*provisioner.Access, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clusters[name]
	if c == nil || c.Cluster.State == provisioner.Creating {
		return nil, fmt.Errorf("access to cluster %s: %w", name, provisioner.ErrNotFound)
	}
	server, err := f.serve(c)
	if err != nil {
		return nil, fmt.Errorf("access to cluster %s: %w", name, err)
	}
	return &provisioner.Access{
		Server:            server,
		WorkstationServer: "https://" + name + "-control-plane:6443",
		CACert:            c.CA.Cert,
		CAKey:             c.CA.Key,
		Dial:              func(ctx context.Context) (net.Conn, error) { return f.dial(ctx, name) },
	}, nil
}

// dial connects to the workstation of the cluster name.
func (f *Fake) dial(ctx context.Context, name string) (net.Conn, error) {
	f.mu.Lock()
	found := f.clusters[name] != nil
	f.mu.Unlock()
	if !found {
		return nil, fmt.Errorf("dial the workstation of %s: %w", name, provisioner.ErrNotFound)
	}
	if f.options.Dial != nil {
		return f.options.Dial(ctx, name)
	}
	near, far := net.Pipe()
	return near, far.Close()
}

// Delete implements provisioner.Provider.
func (f *Fake) Delete(ctx context.Context, name string) error {
	if err := wait(ctx, f.options.DeleteTime); err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	if err := f.failure(ctx, "Delete"); err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clusters[name] != nil {
		f.deleted = append(f.deleted, name)
	}
	f.forget(name)
	return nil
}

// Start makes a cluster Ready that was Halted.
func (f *Fake) Start(ctx context.Context, name string) error {
	if err := f.failure(ctx, "Start"); err != nil {
		return fmt.Errorf("start cluster %s: %w", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clusters[name]
	if c == nil {
		return provisioner.ErrNotFound
	}
	if c.Cluster.State == provisioner.Halted {
		c.Cluster.State = provisioner.Ready
	}
	return nil
}

// Freeze notes that the cluster name rests.
func (f *Fake) Freeze(ctx context.Context, name string) error {
	return f.setFrozen(ctx, "Freeze", name, true)
}

// Thaw notes that the cluster name goes on.
func (f *Fake) Thaw(ctx context.Context, name string) error {
	return f.setFrozen(ctx, "Thaw", name, false)
}

func (f *Fake) setFrozen(ctx context.Context, method, name string, frozen bool) error {
	if err := f.failure(ctx, method); err != nil {
		return fmt.Errorf("%s cluster %s: %w", method, name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clusters[name]
	if c == nil {
		return provisioner.ErrNotFound
	}
	if c.Cluster.State == provisioner.Halted {
		return provisioner.ErrHalted
	}
	c.frozen = frozen
	return nil
}

// forget removes an entry. The caller holds the lock.
func (f *Fake) forget(name string) {
	if c := f.clusters[name]; c != nil {
		c.server.close()
		delete(f.clusters, name)
	}
	if f.options.Dir != "" {
		os.Remove(f.file(name))
	}
}

// load reads the folder.
func (f *Fake) load() error {
	if f.options.Dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(f.options.Dir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c := &fakeCluster{}
		if err := json.Unmarshal(text, c); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		f.clusters[c.Cluster.Name] = c
	}
	return nil
}

// store writes an entry. The caller holds the lock.
func (f *Fake) store(c *fakeCluster) error {
	if f.options.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(f.options.Dir, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	partial := f.file(c.Cluster.Name) + ".partial"
	if err := os.WriteFile(partial, text, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, f.file(c.Cluster.Name))
}

func (f *Fake) file(name string) string { return filepath.Join(f.options.Dir, name+".json") }
