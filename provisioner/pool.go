package provisioner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// NamePrefix begins the name of every cluster that a pool makes.
const NamePrefix = "wh-"

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

// Pool hands out clusters. It owns every cluster of its provider whose name
// begins with NamePrefix, and leaves all others alone, unless they are adopted.
//
// It works by level: each change makes it look at the whole situation, decide
// in plan, and start what was decided. A provider is never called with the lock
// held.
type Pool struct {
	options   PoolOptions
	freezer   Freezer // nil where the provider can freeze nothing
	estimates *Estimates
	marks     freshMarks
	logger    *slog.Logger

	wake chan struct{} // the alarm has changed
	look chan struct{} // a caller wants the clusters listed now
	jobs sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context // of the jobs; nil before Run
	stopped  bool            // Run is about to return; nothing starts any more
	entries  map[string]*entry
	claims   uint64    // so far
	waiting  []*waiter // the first in line first, as of the last step
	troubles map[Spec]*trouble
	alarm    time.Time // when to step even if nothing changes; zero is never
	view     view
}

// entry is what the pool knows of one cluster.
type entry struct {
	cluster  Cluster
	use      use
	owner    string    // claimed: of the claim
	fresh    bool      // found: it has its file in FreshDir
	gone     bool      // claimed: the provider does not list it any more
	busy     bool      // doomed: its deletion is at work, or its creation is being cancelled; any: it is being started again
	since    time.Time // when it became warm, or its creation began
	changed  uint64    // what was listed before this moment is old news
	failures int       // doomed: deletions that failed; claimed: starts
	retryAt  time.Time // doomed: no deletion before; claimed: no start before; warm: not frozen before
	lastErr  error     // doomed: of the last deletion

	frozen   chan struct{}      // warm: closed once it rests; nil while it runs
	resting  bool               // claimed: it is frozen, or may be
	turn     chan struct{}      // of capacity 1; claimed: whoever freezes or thaws it has its token in it
	progress Progress           // making: the latest snapshot
	cancel   context.CancelFunc // making
}

func newEntry(cluster Cluster, use use) *entry {
	return &entry{cluster: cluster, use: use, turn: make(chan struct{}, 1)}
}

// trouble is creations of one Spec that fail, one after the other.
type trouble struct {
	err      error
	failures int
	since    time.Time // of the last failure: what began before is the same trouble
	retryAt  time.Time
}

// NewPool returns a pool that does nothing until Run.
func NewPool(options PoolOptions) *Pool {
	if options.Concurrency <= 0 {
		options.Concurrency = 2
	}
	if options.CreateTimeout <= 0 {
		options.CreateTimeout = 10 * time.Minute
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	freezer, _ := options.Provider.(Freezer)
	return &Pool{
		options:   options,
		freezer:   freezer,
		estimates: OpenEstimates(options.EstimatesFile, options.Logger),
		marks:     freshMarks(options.FreshDir),
		logger:    options.Logger,
		wake:      make(chan struct{}, 1),
		look:      make(chan struct{}, 1),
		entries:   map[string]*entry{},
		troubles:  map[Spec]*trouble{},
		view:      view{gone: map[string]uint64{}},
	}
}

// Adopt names the clusters that are claimed already, each with its owner. It must be
// called before Run, which deletes every other cluster of the pool's that may have
// been used.
func (p *Pool) Adopt(owners map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, owner := range owners {
		e := newEntry(Cluster{Name: name}, claimed)
		e.owner = owner
		e.resting = p.freezer != nil // an earlier process may have left it so
		p.entries[name] = e
	}
}

// Run keeps the pool in order. It blocks until ctx ends and everything that it
// started has ended too: creations are cancelled, and claims that still wait
// fail with Stopped. It can be called once.
func (p *Pool) Run(ctx context.Context) error {
	p.mu.Lock()
	if p.ctx != nil {
		p.mu.Unlock()
		return errors.New("run pool: it was run before")
	}
	p.ctx = ctx
	p.mu.Unlock()

	p.jobs.Go(func() { p.observe(ctx) })
	for {
		select {
		case <-p.alarmed():
			p.mu.Lock()
			p.step()
			p.mu.Unlock()
		case <-p.wake:
		case <-ctx.Done():
			p.stop()
			p.jobs.Wait()
			return nil
		}
	}
}

// alarmed returns a channel that says when it is time to step; nil is never.
func (p *Pool) alarmed() <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alarm.IsZero() {
		return nil
	}
	return time.After(time.Until(p.alarm))
}

// stop makes every later step idle, and sends away those who wait.
func (p *Pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.refuse(func(*waiter) bool { return true }, errStopped())
}

// Release gives back a claimed cluster. It is deleted in the background, and
// tried again until that works. It does not block, and doing it twice is no
// error.
func (p *Pool) Release(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[name]
	if e == nil {
		// The provider may not list it any more and still hold parts of it.
		e = newEntry(Cluster{Name: name}, claimed)
		p.entries[name] = e
	}
	if e.use == claimed {
		p.doom(e)
		p.step()
	}
}

// Lost says that the cluster name does not answer, so that the pool looks at all
// clusters now instead of at its next round. It does not block.
func (p *Pool) Lost(name string) {
	p.logger.Info("cluster does not answer", "cluster", name)
	poke(p.look)
}

// Access tells how to reach the cluster name, as its provider does. A cluster that
// rests goes on first: an *Error with NotThawed where it does not.
func (p *Pool) Access(ctx context.Context, name string) (*Access, error) {
	if err := p.awake(ctx, name); err != nil {
		return nil, err
	}
	return p.options.Provider.Access(ctx, name)
}

// Cluster returns the cluster name as it was when the pool last looked, a few
// seconds ago: ErrNotFound where it is gone, and an *Error with NotObserved
// while the provider does not answer.
func (p *Pool) Cluster(name string) (*Cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.view.trouble(time.Now()); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	e := p.entries[name]
	if e == nil || e.gone || e.cluster.State == "" {
		return nil, fmt.Errorf("cluster %s: %w", name, ErrNotFound)
	}
	cluster := e.cluster
	return &cluster, nil
}

// Status is what a pool is doing, in numbers.
type Status struct {
	Warm, Creating, Claimed, Deleting int // clusters
	Waiting                           int // claims in line

	Err     error     // the trouble of now; nil while all is well
	RetryAt time.Time // when the pool tries again; zero without trouble
}

// Status returns the pool's numbers. It does not block.
func (p *Pool) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Waiting: len(p.waiting)}
	for _, e := range p.entries {
		switch e.use {
		case warm:
			s.Warm++
		case making:
			s.Creating++
		case claimed:
			s.Claimed++
		default:
			s.Deleting++
			s.worse(e.lastErr, e.retryAt)
		}
	}
	for _, t := range p.troubles {
		s.worse(t.err, t.retryAt)
	}
	if err := p.view.trouble(time.Now()); err != nil {
		s.Err, s.RetryAt = err, p.view.nextAt
	}
	return s
}

// worse takes in one more trouble: what is tried again last is shown.
func (s *Status) worse(err error, retryAt time.Time) {
	if err != nil && (s.Err == nil || retryAt.After(s.RetryAt)) {
		s.Err, s.RetryAt = err, retryAt
	}
}

// poke sends to a channel of capacity one without blocking: one token says it
// all.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
