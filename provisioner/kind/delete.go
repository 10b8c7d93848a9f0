package kind

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wheelhouse/provisioner"
)

// Delete removes the cluster name and everything that belongs to it. A creation
// of it that is under way is ended first.
func (p *Provider) Delete(ctx context.Context, name string) error {
	if !validName(name) {
		return nil // there never was one
	}
	p.addons.Delete(name)
	p.mu.Lock()
	under := p.creating[name]
	p.mu.Unlock()
	if under != nil {
		under.cancel(errDeleted)
		select {
		case <-ctx.Done():
			return fmt.Errorf("delete cluster %s: %w", name, context.Cause(ctx))
		case <-under.done:
		}
	}
	e, err := p.findEngine(ctx)
	if err != nil {
		return err
	}
	if r, err := p.store.load(name); err == nil {
		e = e.of(r)
	}
	if err := p.destroy(ctx, e, name); err != nil {
		return p.explain(err, "delete cluster "+name)
	}
	return nil
}

// of is the engine that has a cluster: another one where the cluster was made when that
// was in use.
func (e *engine) of(r record) *engine {
	if r.Engine == "" || r.Engine == e.name {
		return e
	}
	return &engine{name: r.Engine}
}

// destroy removes the containers, the network and the folder of the cluster, in
// this order: what is interrupted is found again.
func (p *Provider) destroy(ctx context.Context, e *engine, name string) error {
	ours, err := p.owns(ctx, e, name)
	if err != nil || !ours {
		return err
	}
	if err := e.removeNodes(ctx, name); err != nil {
		return err
	}
	if err := e.removeContainers(ctx, p.mine(name)...); err != nil {
		return err
	}
	if err := e.removeNetworks(ctx, p.mine(name)...); err != nil {
		return err
	}
	// A command of a process that was killed in the middle may have made one more.
	// Without the network there will be no other.
	if err := e.removeNodes(ctx, name); err != nil {
		return err
	}
	if err := p.store.remove(name); err != nil {
		return fmt.Errorf("remove the folder of cluster %s: %w", name, err)
	}
	return nil
}

// mine returns the filters for what carries the labels of this owner's cluster.
func (p *Provider) mine(name string) []string {
	return []string{"--filter", "label=" + labelOwner + "=" + p.store.owner, "--filter", "label=" + labelCluster + "=" + name}
}

// owns reports whether there is anything of the cluster name that belongs to
// this owner. kind's nodes carry no owner: they are ours if the rest is.
func (p *Provider) owns(ctx context.Context, e *engine, name string) (bool, error) {
	_, err := p.store.load(name)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, provisioner.ErrNotFound) {
		return false, err
	}
	containers, err := e.run(ctx, append([]string{"ps", "-aq"}, p.mine(name)...)...)
	if err != nil || containers != "" {
		return err == nil, err
	}
	networks, err := e.run(ctx, append([]string{"network", "ls", "-q"}, p.mine(name)...)...)
	return networks != "", err
}

// removeNodes removes kind's containers of the cluster.
func (e *engine) removeNodes(ctx context.Context, name string) error {
	return e.removeContainers(ctx, "--filter", "label="+labelKind+"="+name)
}

// removeContainers removes the containers that the filters name, with their
// volumes, and returns when there are none. It tries until ctx ends, but for an
// engine that does not answer.
func (e *engine) removeContainers(ctx context.Context, filters ...string) error {
	return e.removeAll(ctx, append([]string{"ps", "-aq"}, filters...), "rm", "-f", "-v")
}

// removeNetworks removes the networks that the filters name. The engine may take
// a moment to notice that no container is on them.
func (e *engine) removeNetworks(ctx context.Context, filters ...string) error {
	return e.removeAll(ctx, append([]string{"network", "ls", "-q"}, filters...), "network", "rm")
}

// removeAll removes what list prints, again and again until it prints nothing.
func (e *engine) removeAll(ctx context.Context, list []string, remove ...string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	const tries = 50
	var failed error
	for range tries {
		ids, err := e.lines(ctx, list...)
		if err != nil || len(ids) == 0 {
			return err
		}
		_, failed = e.run(ctx, append(append([]string{}, remove...), ids...)...)
		if failed != nil && explain(failed, "").Reason == provisioner.NoEngine {
			return failed
		}
		if failed == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", strings.Join(remove, " "), context.Cause(ctx))
		case <-tick.C:
		}
	}
	if failed == nil {
		failed = errors.New("they are still listed")
	}
	return fmt.Errorf("%s: %w", strings.Join(remove, " "), failed)
}
