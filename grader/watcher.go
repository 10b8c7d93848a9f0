package grader

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Options say how a Watcher works. The zero value is fine.
type Options struct {
	// Debounce is how long changes are gathered before the checks that they
	// touch are evaluated: 25 ms where it is 0.
	Debounce time.Duration
	// OnResults gets the results of all checks of the open steps, in the lab's
	// order, after each evaluation and after each Open, or those of one step that
	// Confirm was called for. It is called from one goroutine, that of Run; while it
	// blocks, nothing is evaluated and changes
	// gather. It must not call Synced.
	OnResults func([]Result)
	// Workstation runs what checks look at the student's workstation with. Such
	// checks are Unknown where it is nil.
	Workstation Workstation
	// Logger gets what goes wrong on the way to the cluster, at the level of
	// debugging. Nothing is logged where it is nil.
	Logger *slog.Logger
}

// Watcher judges one cluster for as long as Run runs.
type Watcher struct {
	program *Program
	config  *rest.Config
	opts    Options

	dirty chan struct{} // capacity 1: something changed that a check may have looked at
	news  chan struct{} // capacity 1: other steps are open

	confirms chan struct{} // capacity 1: toConfirm may hold a step that can be confirmed

	mu         sync.Mutex
	open       []string
	opened     int           // how often Open was called
	told       int           // the call whose steps were judged and told last
	progress   chan struct{} // closed, and replaced, when told changes
	toConfirm  []string      // steps that Confirm was called for, in that order
	confirming string        // the step that is being confirmed
}

// Watch makes a Watcher that judges the cluster of config. It does nothing before
// Run, and it judges no step before Open.
func (p *Program) Watch(config *rest.Config, opts Options) *Watcher {
	if opts.Debounce <= 0 {
		opts.Debounce = 25 * time.Millisecond
	}
	if opts.OnResults == nil {
		opts.OnResults = func([]Result) {}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watcher{
		program: p, config: config, opts: opts,
		dirty: make(chan struct{}, 1), news: make(chan struct{}, 1), confirms: make(chan struct{}, 1), progress: make(chan struct{}),
	}
}

// Open says which steps are judged from now on; checks of others cost nothing.
// It does not block and may be called at any time, also before Run and by
// OnResults.
func (w *Watcher) Open(steps []string) {
	w.mu.Lock()
	w.open = slices.Clone(steps)
	w.opened++
	w.mu.Unlock()
	signal(w.news)
}

// Synced blocks until OnResults has got the results of the steps that are open
// now, or until ctx ends, whose error it returns then. It needs a Run that runs.
func (w *Watcher) Synced(ctx context.Context) error {
	w.mu.Lock()
	want := w.opened
	for w.told < want {
		progress := w.progress
		w.mu.Unlock()
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.mu.Lock()
	}
	w.mu.Unlock()
	return nil
}

// Evaluate reads from the cluster what the checks ask for, runs their commands,
// judges once and returns the results in the lab's order: those of the open
// steps, or of all where Open was never called. It sees every change that was
// made before it was called. How a change goes cannot be seen at once: checks of
// that (content.During) are left out. It blocks for a few requests and as long as
// the commands take, and needs no Run. The error says that the cluster did not answer.
func (w *Watcher) Evaluate(ctx context.Context) ([]Result, error) {
	cluster, err := connect(w.config, w.opts)
	if err != nil {
		return nil, err
	}
	defer cluster.close()
	checks, opened := w.openChecks()
	if opened == 0 {
		checks = w.program.checks
	}
	checks = slices.DeleteFunc(slices.Clone(checks), func(c *check) bool { return c.during != nil })
	k := newKnowledge()
	return k.evaluate(ctx, cluster, checks)
}

// openChecks returns the checks of the open steps and which call of Open they
// are from.
func (w *Watcher) openChecks() ([]*check, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var checks []*check
	for _, c := range w.program.checks {
		if slices.Contains(w.open, c.step) {
			checks = append(checks, c)
		}
	}
	return checks, w.opened
}

// tell hands over results and lets those go on who wait for them.
func (w *Watcher) tell(results []Result, opened int) {
	w.opts.OnResults(results)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told != opened {
		w.told = opened
		close(w.progress)
		w.progress = make(chan struct{})
	}
}

// signal leaves a message that says only that there is one. It does not block.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
