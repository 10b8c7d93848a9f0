package kind

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"wheelhouse/provisioner"
)

// StopNode ends all processes of a node, as when its machine lost power, and
// returns when it is down. It stays down until StartNode. What is down stays so.
func (p *Provider) StopNode(ctx context.Context, name, node string) error {
	return p.switchNode(ctx, "stop", name, node, func(e *engine, running bool) error {
		if !running {
			return nil
		}
		_, err := e.run(ctx, "kill", node)
		return err
	})
}

// StartNode has a node go on that was stopped, with what is on its disk, and
// returns when its processes start; it is Ready some seconds later.
func (p *Provider) StartNode(ctx context.Context, name, node string) error {
	return p.switchNode(ctx, "start", name, node, func(e *engine, running bool) error {
		if running {
			return nil
		}
		_, err := e.run(ctx, "start", node)
		return err
	})
}

// switchNode notes that a node is to be down or up, and has do make it so. The note
// comes first: a node that is down without one is taken for lost.
func (p *Provider) switchNode(ctx context.Context, doing, name, node string, do func(e *engine, running bool) error) error {
	fail := func(err error) error {
		return p.explain(err, fmt.Sprintf("%s node %s of cluster %s", doing, node, name))
	}
	e, err := p.findEngine(ctx)
	if err != nil {
		return err
	}
	if !validName(name) {
		return fmt.Errorf("cluster %q: %w", name, provisioner.ErrNotFound)
	}
	p.nodes.Lock() // the record is read and written
	defer p.nodes.Unlock()
	r, err := p.store.load(name)
	if err != nil {
		return err
	}
	if r.State != provisioner.Ready {
		return fmt.Errorf("cluster %s is not ready: %w", name, provisioner.ErrNotFound)
	}
	if r.Engine != "" && r.Engine != e.name {
		e = &engine{name: r.Engine} // it was made when another engine was in use
	}
	if !slices.Contains(nodesOf(r), node) {
		return &provisioner.Error{Reason: provisioner.NoNode, Message: fmt.Sprintf(
			"Cluster %s has no node %s. `kubectl get nodes` lists its nodes.", name, node)}
	}
	running, err := e.run(ctx, "container", "inspect", "--format", "{{.State.Running}}", node)
	if err != nil {
		return fail(err)
	}
	down := slices.DeleteFunc(slices.Clone(r.Down), func(n string) bool { return n == node })
	if doing == "stop" {
		r.Down = append(down, node)
		if err := p.store.save(r); err != nil {
			return fail(err)
		}
	}
	if err := do(e, running == "true"); err != nil {
		return fail(err)
	}
	if doing == "start" {
		r.Down = down
		if err := p.store.save(r); err != nil {
			return fail(err)
		}
	}
	return nil
}

// nodesOf names a cluster's nodes as kind does.
func nodesOf(r record) []string {
	nodes := []string{controlPlaneOf(r.Name)}
	for i := range r.Spec.Workers {
		worker := r.Name + "-worker"
		if i > 0 {
			worker += strconv.Itoa(i + 1)
		}
		nodes = append(nodes, worker)
	}
	return nodes
}
