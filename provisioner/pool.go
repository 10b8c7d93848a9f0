package provisioner

import (
	"context"
	"log/slog"
	"time"
)

// PoolOptions is what a Pool needs. Only Provider is required.
type PoolOptions struct {
	Provider Provider
	Size     int  // clusters kept warm ahead of the claims
	Spec     Spec // of those clusters

	Concurrency   int           // creations at once; 0 means 2
	Max           int           // clusters in all, those being deleted too; 0 means no limit
	CreateTimeout time.Duration // for one creation; 0 means ten minutes

	// EstimatesFile keeps how long each phase took; empty keeps it in memory.
	EstimatesFile string

	// FreshDir holds one empty file for each cluster that the pool has made and
	// never handed over. Only those are kept warm after a restart: a cluster
	// without its file may be a used one, and is deleted. Empty keeps none.
	FreshDir string

	Logger *slog.Logger // nil discards
}

// Status is what a pool is doing, in numbers.
type Status struct {
	Warm, Creating, Claimed, Deleting, Waiting int

	Err     error     // the trouble of now; nil while all is well
	RetryAt time.Time // when the pool tries again; zero without trouble
}

// Pool hands out clusters. It owns every cluster of its provider whose name
// begins with NamePrefix, and leaves all others alone.
type Pool struct {
	provider Provider
}

// NamePrefix begins the name of every cluster that a pool makes.
const NamePrefix = "wh-"

// NewPool returns a pool that does nothing until Run.
func NewPool(options PoolOptions) *Pool { return &Pool{provider: options.Provider} }

// Adopt names the clusters that are claimed already. It must be called before
// Run, which deletes every other cluster of the pool's that may have been used.
func (p *Pool) Adopt(claimed []string) {}

// Run keeps the pool in order. It blocks until ctx ends and everything that it
// started has ended too; claims that still wait then fail.
func (p *Pool) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Claim hands over a cluster of spec that nobody has had before, and that nobody
// else gets. A warm one is handed over at once, without a call to the engine;
// otherwise Claim waits in line until one is ready, ctx ends, or creations have
// failed often enough for an *Error. report, which may be nil, is called with
// each change from within Claim.
func (p *Pool) Claim(ctx context.Context, spec Spec, report func(Progress)) (*Cluster, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Release gives back a claimed cluster. It is deleted in the background, and
// tried again until that works.
func (p *Pool) Release(name string) {}

// Lost says that the cluster name does not answer, so that the pool looks at all
// clusters afresh now instead of at its next round. It does not block.
func (p *Pool) Lost(name string) {}

// Access tells how to reach the cluster name, as the provider does.
func (p *Pool) Access(ctx context.Context, name string) (*Access, error) {
	return p.provider.Access(ctx, name)
}

// Cluster returns the cluster name as it was when the pool last looked, a few
// seconds ago at most while the provider answers: ErrNotFound where it is gone.
func (p *Pool) Cluster(name string) (*Cluster, error) { return nil, ErrNotFound }

// Status returns the pool's numbers. It does not block.
func (p *Pool) Status() Status { return Status{} }
