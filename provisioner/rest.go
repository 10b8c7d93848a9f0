package provisioner

import (
	"context"
	"errors"
	"fmt"
)

// Rest freezes the claimed cluster name until Access is asked for it. It returns
// when the cluster takes no processor time any more. On an error it runs, as far
// as that can be known: there is no such claimed cluster, it is not Ready, its
// provider freezes nothing, or freezing failed. Resting twice is no error.
func (p *Pool) Rest(ctx context.Context, name string) error {
	err := p.rest(ctx, name)
	if err != nil {
		return fmt.Errorf("freeze cluster %s: %w", name, err)
	}
	p.logger.Info("cluster rests until somebody needs it", "cluster", name)
	return nil
}

func (p *Pool) rest(ctx context.Context, name string) error {
	if p.freezer == nil {
		return errors.New("its provider cannot")
	}
	e := p.claimedEntry(name)
	if e == nil {
		return ErrNotFound
	}
	if err := e.takeTurn(ctx); err != nil {
		return err
	}
	defer e.endTurn()
	if err := p.mayRest(e); err != nil {
		return err
	}
	// A freeze that is broken off leaves nobody knows what.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), freezeTimeout)
	defer cancel()
	if err := p.freezer.Freeze(limited, name); err != nil {
		return errors.Join(err, p.goOn(context.WithoutCancel(ctx), e, name)) // it may rest all the same
	}
	return nil
}

// mayRest notes that the cluster of e is about to rest, unless something speaks
// against it. From here on Access waits, and thaws.
func (p *Pool) mayRest(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return errStopped()
	case e.use != claimed || e.gone:
		return ErrNotFound
	case e.busy || e.cluster.State != Ready:
		return fmt.Errorf("it is %s", e.cluster.State)
	}
	e.resting = true
	return nil
}

// awake has the cluster name run, if it is one that rests or may rest. A cluster
// whose processes have ended is none: it is started again.
func (p *Pool) awake(ctx context.Context, name string) error {
	e := p.claimedEntry(name)
	if e == nil || !p.rests(e) {
		return nil
	}
	if err := e.takeTurn(ctx); err != nil {
		return err
	}
	defer e.endTurn()
	if !p.rests(e) {
		return nil // somebody else has just woken it
	}
	// Who asked may leave; the cluster is to be in one state or the other.
	if err := p.goOn(context.WithoutCancel(ctx), e, name); err != nil {
		return &Error{
			Reason:  NotThawed,
			Message: "The cluster rested and does not go on yet. Try again in a moment.",
			Err:     fmt.Errorf("thaw cluster %s: %w", name, err),
		}
	}
	return nil
}

// goOn thaws the cluster of e. The caller has its turn.
func (p *Pool) goOn(ctx context.Context, e *entry, name string) error {
	limited, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	err := p.freezer.Thaw(limited, name)
	switch {
	case errors.Is(err, ErrHalted), errors.Is(err, ErrNotFound):
		poke(p.look) // nothing is left to thaw, as the next look shows
	case err != nil:
		return err
	default:
		p.logger.Info("cluster goes on", "cluster", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e.resting = false
	p.step()
	return nil
}

func (p *Pool) claimedEntry(name string) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[name]; e != nil && e.use == claimed {
		return e
	}
	return nil
}

func (p *Pool) rests(e *entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.resting
}

// takeTurn blocks until nobody else freezes or thaws the cluster of e, within
// freezeTimeout as a rule, or until ctx ends.
func (e *entry) takeTurn(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *entry) endTurn() { <-e.turn }
