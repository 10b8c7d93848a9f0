package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// triesForClaim is how many creations, or looks at the clusters, may fail in a
// row before a claim gives up.
const triesForClaim = 3

// waiter is one claim. Its fields belong to the pool's lock.
type waiter struct {
	owner   string
	spec    Spec
	since   time.Time
	number  uint64        // of the claim: later ones have greater numbers
	rank    time.Time     // the earliest is served first: see sortLine
	changed chan struct{} // capacity one: look again

	cluster *Cluster      // handed over; it has left the line
	frozen  chan struct{} // closed once cluster rests; nil if it runs
	err     error         // refused; it has left the line

	failures int // creations of its spec that failed in a row since it came
	blind    int // looks that failed in a row since it came

	job        *entry        // the creation that it is likely to get; nil while there is none
	place      int           // among those without a job: 1 is next
	wait       time.Duration // until its creation may start; 0 when nothing is known
	lined      bool          // it was without a job once
	assignedAt time.Time     // when it got its job after that
	message    string
	trouble    Reason
}

// Claim hands over a cluster of spec that has had no owner before, and that no other
// gets. A warm one is handed over at once, without a call to the engine;
// otherwise Claim waits in line until one is ready, ctx ends, or an *Error says
// why there will be none: creations that fail, or a pool that has Stopped.
// owner is opaque: who has a cluster or waits for one already is served after owners
// who have none.
// report, which may be nil, is called from within Claim, with a snapshot after
// each change. A claim made before Run waits for it.
func (p *Pool) Claim(ctx context.Context, owner string, spec Spec, report func(Progress)) (*Cluster, error) {
	for {
		cluster, frozen, err := p.claim(ctx, owner, spec, report)
		if err == nil {
			err = p.thaw(ctx, cluster.Name, frozen)
			if err == nil {
				p.logger.Info("cluster claimed", "cluster", cluster.Name)
				return cluster, nil
			}
			p.Release(cluster.Name) // nobody has seen it; there will be another
			if ctx.Err() == nil {
				p.logger.Warn("a resting cluster did not go on and is given up", "cluster", cluster.Name, "error", err)
				continue
			}
		}
		return nil, fmt.Errorf("claim a cluster: %w", err)
	}
}

// claim returns a cluster and, where it rests, what is closed once it does.
func (p *Pool) claim(ctx context.Context, owner string, spec Spec, report func(Progress)) (*Cluster, <-chan struct{}, error) {
	w, err := p.enter(ctx, owner, spec)
	if err != nil {
		return nil, nil, err
	}
	for {
		progress, done := p.progressOf(w)
		if done {
			break
		}
		if report != nil {
			report(progress)
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			p.leave(w)
			return nil, nil, context.Cause(ctx)
		}
	}
	if w.err != nil {
		return nil, nil, w.err
	}
	// From here on the cluster counts as used, whatever happens to this process.
	if err := p.marks.remove(w.cluster.Name); err != nil {
		p.leave(w)
		return nil, nil, &Error{
			Reason: NotRecorded,
			Message: "Your cluster could not be noted on the disk, so it was not handed over. The disk may be full or " +
				"read-only: make room in Wheelhouse's data directory and try again.",
			Err: err,
		}
	}
	return w.cluster, w.frozen, nil
}

// enter takes a place in the line, which may be the front.
func (p *Pool) enter(ctx context.Context, owner string, spec Spec) (*waiter, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil, errStopped()
	}
	p.claims++
	w := &waiter{owner: owner, number: p.claims, spec: spec, since: time.Now(), changed: make(chan struct{}, 1)}
	p.waiting = append(p.waiting, w)
	p.step()
	return w, nil
}

// leave gives up a claim. A cluster that was handed over in the same moment,
// and that nobody has seen, goes back.
func (p *Pool) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other *waiter) bool { return other == w })
	if w.cluster != nil {
		e := p.entries[w.cluster.Name]
		e.use, e.owner, e.frozen, e.gone = warm, "", w.frozen, false // if it is gone, the next look says so again
	}
	p.step()
}

// refuse sends away those in line whom it concerns. The caller holds the lock.
func (p *Pool) refuse(concerned func(*waiter) bool, err error) {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if !concerned(w) {
			return false
		}
		w.err = err
		poke(w.changed)
		return true
	})
}

// refusal is what a claim ends with after creations that failed with err.
func refusal(err error) error {
	if ReasonOf(err) != "" {
		return err
	}
	return &Error{
		Reason: CreateFailed,
		Message: "Your cluster could not be made, and trying again did not help. Run `wheelhouse doctor`, which says what " +
			"this machine is short of; Wheelhouse's log has the details.",
		Err: err,
	}
}

func errStopped() error {
	return &Error{
		Reason:  Stopped,
		Message: "Wheelhouse is shutting down, so there is no cluster to be had. Open the lab again once it runs.",
		Err:     errors.New("the pool has stopped"),
	}
}
