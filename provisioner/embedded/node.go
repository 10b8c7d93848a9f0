package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
)

// nodeWithin is how long a node may take to go down or come up.
const nodeWithin = time.Minute

// StopNode ends all processes of a node, as when its machine lost power, and
// returns when it is down. It stays down, also when the cluster is stopped and
// started, until StartNode. What is down stays so.
func (p *Provider) StopNode(ctx context.Context, name, node string) error {
	return p.switchNode(ctx, "stop", name, node, func(stopped *os.Root) error {
		file, err := stopped.OpenFile(node, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return file.Close()
	})
}

// StartNode has a node go on that was stopped, with what is on its disk, and
// returns when its processes start; it is Ready some seconds later.
func (p *Provider) StartNode(ctx context.Context, name, node string) error {
	return p.switchNode(ctx, "start", name, node, func(stopped *os.Root) error {
		if err := stopped.Remove(node); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// switchNode changes the folder of stopped nodes and waits until the cluster has
// seen it.
func (p *Provider) switchNode(ctx context.Context, doing, name, node string, change func(*os.Root) error) error {
	fail := func(err error) error { return fmt.Errorf("%s node %s of cluster %s: %w", doing, node, name, err) }
	r, err := p.running(name)
	if err != nil {
		return fail(err)
	}
	plan, err := machine.Plan(name, "", r.Spec.Workers)
	if err != nil {
		return fail(err)
	}
	known := false
	for _, n := range plan.Nodes {
		known = known || n.Name == node
	}
	if !known {
		return &provisioner.Error{Reason: provisioner.NoNode, Message: fmt.Sprintf(
			"Cluster %s has no node %s. `kubectl get nodes` lists its nodes.", name, node)}
	}
	cluster, err := os.OpenRoot(filepath.Join(p.store.folder(name), clusterFolder))
	if err != nil {
		return fail(err)
	}
	defer cluster.Close()
	if err := cluster.MkdirAll(machine.StoppedFolder, 0o755); err != nil {
		return fail(err)
	}
	stopped, err := cluster.OpenRoot(machine.StoppedFolder)
	if err != nil {
		return fail(err)
	}
	defer stopped.Close()
	if err := change(stopped); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, nodeWithin, errors.New("the cluster does not react"))
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for p.parts(r)[node].Running != (doing == "start") {
		select {
		case <-ctx.Done():
			return fail(context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
