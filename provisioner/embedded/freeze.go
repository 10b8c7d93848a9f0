package embedded

import (
	"context"
	"errors"
	"fmt"

	"wheelhouse/provisioner"
)

// Freeze stops the clock of every process of the cluster name: it takes no
// processor time until Thaw, and keeps its memory. Freezing twice is no error.
func (p *Provider) Freeze(ctx context.Context, name string) error {
	return p.withContainer(ctx, "freeze", name, "paused", "pause")
}

// Thaw lets a frozen cluster go on where it was. It returns when it does, after
// some milliseconds. What is not frozen stays as it is.
func (p *Provider) Thaw(ctx context.Context, name string) error {
	return p.withContainer(ctx, "thaw", name, "running", "resume")
}

// withContainer runs a command of runc's on the cluster's container, unless it
// is in the state already that this leads to.
func (p *Provider) withContainer(ctx context.Context, doing, name, already, command string) error {
	r, err := p.running(name)
	if err != nil {
		return fmt.Errorf("%s cluster %s: %w", doing, name, err)
	}
	if _, err := p.runc(r).run(ctx, command, r.Container); err != nil {
		state, stateErr := p.runc(r).state(ctx, r.Container)
		if stateErr == nil && string(state.Status) == already {
			return nil
		}
		return fmt.Errorf("%s cluster %s: %w", doing, name, errors.Join(err, stateErr))
	}
	return nil
}

// running returns the record of a cluster that is ready and whose processes run.
func (p *Provider) running(name string) (record, error) {
	if !validName(name) {
		return record{}, provisioner.ErrNotFound
	}
	r, err := p.store.load(name)
	if err != nil {
		return record{}, err
	}
	if r.State != provisioner.Ready {
		return record{}, errors.New("it is not ready")
	}
	if !r.Process.alive() {
		return record{}, errStopped
	}
	return r, nil
}

var errStopped = fmt.Errorf("%w; start it with `wheelhouse cluster start`", provisioner.ErrHalted)
