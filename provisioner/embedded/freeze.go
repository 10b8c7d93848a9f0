package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"wheelhouse/provisioner"
)

// freezeTries are how often and how fast Freeze tries: 3 seconds in all. The
// freezer of control groups v1 may not catch a cluster in which processes start
// all the time, or on a machine with far more to do than it has processors.
var freezeTries = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Steps: 5}

// Freeze stops the clock of every process of the cluster name: it takes no
// processor time until Thaw, and keeps its memory. Freezing twice is no error. On
// an error it runs, as far as that can be known.
func (p *Provider) Freeze(ctx context.Context, name string) error {
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, freezeTries, func(ctx context.Context) (bool, error) {
		last = p.withContainer(ctx, "freeze", name, "paused", "pause")
		if _, err := p.running(name); err != nil { // it does not run, or no longer
			return false, err
		}
		return last == nil, nil
	})
	if last != nil {
		return last
	}
	return err
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
	return r, r.running()
}

// running returns nil for a cluster that is ready and whose processes run.
func (r record) running() error {
	switch {
	case r.Deleted:
		return fmt.Errorf("it is being deleted: %w", provisioner.ErrNotFound)
	case r.State != provisioner.Ready:
		return errors.New("it is not ready")
	case !r.Process.alive():
		return errStopped
	}
	return nil
}

var errStopped = fmt.Errorf("%w; start it with `wheelhouse cluster start`", provisioner.ErrHalted)
