package provisioner

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// deleteTimeout is for one deletion; it is tried again.
const deleteTimeout = 2 * time.Minute

// errTimeout is why the context of a creation ended.
var errTimeout = errors.New("the time limit of a creation")

// create makes the cluster of e. ctx ends when nobody wants it any more.
func (p *Pool) create(ctx context.Context, e *entry, name string, spec Spec) {
	start := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, p.options.CreateTimeout, errTimeout)
	defer cancel()
	p.logger.Info("cluster creation starts", "cluster", name, "workers", spec.Workers)
	cluster, err := p.options.Provider.Create(limited, name, spec, func(progress Progress) { p.progressed(e, progress) })
	if err != nil && ctx.Err() == nil && context.Cause(limited) == errTimeout {
		err = p.timedOut(err)
	}
	if err == nil {
		if markErr := p.marks.add(name); markErr != nil {
			p.logger.Warn("cluster will not be kept over a restart", "cluster", name, "error", markErr)
		}
	}

	p.mu.Lock()
	if err == nil {
		p.created(e, *cluster)
	} else {
		p.failed(e, err)
	}
	progress := e.progress
	p.step()
	p.mu.Unlock()

	if err == nil {
		p.logger.Info("cluster ready", "cluster", name, "seconds", time.Since(start).Seconds())
		if err := p.estimates.Learn(spec, progress); err != nil {
			p.logger.Warn("estimates not kept", "error", err)
		}
	}
}

// progressed takes in a snapshot of a creation.
func (p *Pool) progressed(e *entry, progress Progress) {
	progress = progress.Clone()
	p.mu.Lock()
	defer p.mu.Unlock()
	e.progress = progress
	p.line(time.Now())
}

// created notes that e is ready. The caller holds the lock.
func (p *Pool) created(e *entry, cluster Cluster) {
	e.cluster = cluster
	e.busy = false // for one that was doomed too late to be cancelled
	if e.use == making {
		e.use, e.since = warm, time.Now()
	}
	p.touch(e)
	delete(p.troubles, cluster.Spec)
	for _, w := range p.waiting {
		if w.spec == cluster.Spec {
			w.failures = 0
		}
	}
}

// failed notes that e could not be made; its provider has cleaned up, and what
// it may have missed is found at the next look. The caller holds the lock.
func (p *Pool) failed(e *entry, err error) {
	wanted := e.use == making
	p.forget(e)
	if !wanted || p.ctx.Err() != nil {
		return // it was cancelled, and did as it was told
	}
	now, spec := time.Now(), e.cluster.Spec
	t := p.troubles[spec]
	if t == nil {
		t = &trouble{}
		p.troubles[spec] = t
	}
	t.err = err
	// Creations that ran side by side fail together: that is one failure.
	if t.failures == 0 || !e.since.Before(t.since) {
		t.failures++
		t.retryAt = now.Add(backoff(t.failures))
		for _, w := range p.waiting {
			if w.spec == spec {
				w.failures++
			}
		}
	}
	t.since = now
	p.logger.Warn("cluster creation failed", "cluster", e.cluster.Name, "error", err, "retry", t.retryAt)
	p.refuse(func(w *waiter) bool {
		return w.spec == spec && (w.failures >= triesForClaim || now.Sub(w.since) >= p.options.CreateTimeout)
	}, refusal(err))
}

// timedOut words a creation that ran over its limit.
func (p *Pool) timedOut(err error) error {
	return &Error{
		Reason: TimedOut,
		Message: fmt.Sprintf("The cluster was not ready after %s, so it was given up. The machine may be short of memory or "+
			"processors, or an image is still coming over a slow network: close other programs and try again; "+
			"`wheelhouse doctor` says what is short.", p.options.CreateTimeout),
		Err: err,
	}
}

// delete removes the cluster of e and all that belongs to it.
func (p *Pool) delete(ctx context.Context, e *entry, name string) {
	limited, cancel := context.WithTimeout(ctx, deleteTimeout)
	defer cancel()
	err := p.options.Provider.Delete(limited, name)
	if err == nil {
		err = p.marks.remove(name)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	e.busy = false
	switch {
	case err == nil:
		p.forget(e)
		p.logger.Info("cluster deleted", "cluster", name)
	case ctx.Err() == nil:
		e.failures++
		e.retryAt = time.Now().Add(backoff(e.failures))
		e.lastErr = err
		p.logger.Warn("cluster deletion failed", "cluster", name, "error", err, "retry", e.retryAt)
	}
	p.step()
}

// restart starts the cluster of e again.
func (p *Pool) restart(ctx context.Context, starter Starter, e *entry, name string) {
	limited, cancel := context.WithTimeoutCause(ctx, p.options.CreateTimeout, errTimeout)
	defer cancel()
	p.logger.Info("cluster is started again", "cluster", name)
	start := time.Now()
	err := starter.Start(limited, name)

	p.mu.Lock()
	defer p.mu.Unlock()
	e.busy = false
	switch {
	case err == nil:
		e.cluster.State, e.cluster.Message, e.failures = Ready, "", 0
		p.touch(e)
		p.logger.Info("cluster goes on", "cluster", name, "seconds", time.Since(start).Seconds())
	case errors.Is(err, ErrNotFound) && e.use == claimed:
		e.gone = true // it was deleted from outside
		p.touch(e)
		p.logger.Warn("cluster is gone", "cluster", name, "error", err)
	case ctx.Err() == nil && e.use == claimed:
		e.failures++
		e.retryAt = time.Now().Add(backoff(e.failures))
		p.logger.Warn("cluster not started again", "cluster", name, "error", err, "retry", e.retryAt)
	}
	p.step()
}

// freezeTimeout is for one cluster to freeze or to thaw, which takes milliseconds.
const freezeTimeout = 30 * time.Second

// freeze lets the cluster of e rest.
func (p *Pool) freeze(ctx context.Context, e *entry, name string) {
	limited, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	err := p.freezer.Freeze(limited, name)
	if err == nil {
		p.logger.Info("cluster rests until it is claimed", "cluster", name)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil || e.use != warm {
		return
	}
	// It may rest all the same; whoever claims it thaws it. Tried again without end,
	// since a warm cluster that runs is no harm.
	e.retryAt = time.Now().Add(time.Minute)
	p.logger.Warn("warm cluster not frozen", "cluster", name, "error", err, "retry", e.retryAt)
	p.step()
}

// thaw lets the cluster name go on, which was handed over resting: then frozen is
// not nil.
func (p *Pool) thaw(ctx context.Context, name string, frozen <-chan struct{}) error {
	if frozen == nil {
		return nil
	}
	<-frozen // within freezeTimeout
	limited, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	return p.freezer.Thaw(limited, name)
}

// forget removes e, and makes what was listed before this moment old news.
func (p *Pool) forget(e *entry) {
	p.touch(e)
	p.view.gone[e.cluster.Name] = e.changed
	delete(p.entries, e.cluster.Name)
}

// backoff is how long to wait after so many failures in a row: 1 s, 2 s, 4 s, up
// to a minute.
func backoff(failures int) time.Duration {
	return min(time.Minute, time.Second<<min(failures-1, 6))
}
