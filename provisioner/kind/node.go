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
	return p.switchNode(ctx, "stop", name, node)
}

// StartNode has a node go on that was stopped, with what is on its disk, and
// returns when its processes start; it is Ready some seconds later.
func (p *Provider) StartNode(ctx context.Context, name, node string) error {
	return p.switchNode(ctx, "start", name, node)
}

// switchNode stops or starts a node and notes that it is to be down or up. That it is
// to be down is noted first: a node that is down without a note is taken for lost.
func (p *Provider) switchNode(ctx context.Context, doing, name, node string) error {
	fail := func(err error) error {
		return p.explain(err, fmt.Sprintf("%s node %s of cluster %s", doing, node, name))
	}
	e, err := p.findEngine(ctx)
	if err != nil {
		return err
	}
	p.nodes.Lock() // the record is read and written
	defer p.nodes.Unlock()
	r, err := p.ready(name)
	if err != nil {
		return err
	}
	e = e.of(r)
	if !slices.Contains(nodesOf(r), node) {
		return &provisioner.Error{Reason: provisioner.NoNode, Message: fmt.Sprintf(
			"Cluster %s has no node %s. `kubectl get nodes` lists its nodes.", name, node)}
	}
	running, err := e.run(ctx, "container", "inspect", "--format", "{{.State.Running}}", node)
	if err != nil {
		return fail(err)
	}
	r.Down = slices.DeleteFunc(r.Down, func(n string) bool { return n == node })
	if doing == "stop" {
		r.Down = append(r.Down, node)
		if err := p.store.save(r); err != nil {
			return fail(err)
		}
		if running == "true" {
			_, err = e.run(ctx, "kill", node)
		}
		return fail(err)
	}
	if running != "true" {
		if _, err := e.run(ctx, "start", node); err != nil {
			return fail(err)
		}
	}
	return fail(p.store.save(r))
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
