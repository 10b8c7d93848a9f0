package networkpolicy

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// debounce is how long changes are gathered before they are brought to the kernel.
	debounce = 20 * time.Millisecond
	// refresh is how often the kernel's table is made anew, should somebody have
	// changed it.
	refresh = 10 * time.Minute
	// retryFirst and retryMost are how long after an error the next attempt is.
	retryFirst, retryMost = time.Second, 30 * time.Second
)

// enforcer turns the state of the cluster into rules, again and again.
type enforcer struct {
	options Options
	cluster *cluster
	kernel  kernel
	dirty   chan struct{} // holds one: something has changed
}

// changed does not block.
func (e *enforcer) changed() {
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

// loop applies what follows from the state after each change, and from time to
// time, until ctx ends.
func (e *enforcer) loop(ctx context.Context, results *fsnotify.Watcher) {
	anew := time.NewTicker(refresh)
	defer anew.Stop()
	gather := newTimer()
	retry, wait := newTimer(), retryFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.dirty:
			gather.start(debounce)
			continue
		case <-results.Events:
			gather.start(debounce)
			continue
		case err := <-results.Errors: // its queue was too short: look at all of it
			e.options.Logger.Warn("watching the results of the cni plug-ins", "error", err)
			gather.start(debounce)
			continue
		case <-anew.C:
			e.kernel.known = false
		case <-gather.C:
		case <-retry.C:
		}
		gather.stop()
		retry.stop()
		if err := e.sync(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			e.options.Logger.Error("network policies are not in force as they are now", "error", err, "retry", wait)
			retry.start(wait)
			wait = min(2*wait, retryMost)
			continue
		}
		wait = retryFirst
	}
}

func (e *enforcer) sync(ctx context.Context) error {
	s := e.cluster.snapshot()
	sandboxes, err := readSandboxes(e.options.ResultsDir)
	if err != nil {
		return err
	}
	s.NodeName, s.PodCIDRs, s.Sandboxes = e.options.NodeName, e.options.PodCIDRs, sandboxes
	return e.kernel.apply(ctx, render(Compute(s)))
}
