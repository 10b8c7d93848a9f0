package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/pack"
)

// stopWithin is how long a cluster's processes may take to end by themselves
// before they are killed.
const stopWithin = 30 * time.Second

// Stop ends the processes of the cluster name and keeps its state: Start goes on
// from there. Stopping twice is no error. It blocks for some seconds.
func (p *Provider) Stop(ctx context.Context, name string) error {
	ctx, r, release, err := p.hold(ctx, name)
	if err != nil {
		return fmt.Errorf("stop cluster %s: %w", name, err)
	}
	defer release()
	err = r.running()
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop cluster %s: %w", name, err)
	}
	runc := p.runc(r)
	_, _ = runc.run(ctx, "resume", r.Container) // a frozen one hears nothing; most are not
	if _, err := runc.run(ctx, "kill", r.Container, "TERM"); err != nil && r.Process.alive() {
		return fmt.Errorf("stop cluster %s: %w", name, err)
	}
	deadline := time.NewTimer(stopWithin)
	defer deadline.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
wait:
	for r.Process.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop cluster %s: %w", name, context.Cause(ctx))
		case <-deadline.C:
			p.log.Warn("a cluster did not stop by itself and is killed", "cluster", name)
			break wait
		case <-tick.C:
		}
	}
	if err := runc.delete(ctx, r.Container); err != nil {
		return fmt.Errorf("stop cluster %s: %w", name, err)
	}
	return nil
}

// Start starts a cluster again that was stopped, or whose processes have ended,
// with the state that it had. It returns when the API server and the workstation
// answer; the nodes may still be on their way. What runs stays as it is.
func (p *Provider) Start(ctx context.Context, name string) error {
	ctx, r, release, err := p.hold(ctx, name)
	if err != nil {
		return fmt.Errorf("start cluster %s: %w", name, err)
	}
	defer release()
	err = r.running()
	if err == nil {
		return nil
	}
	if !errors.Is(err, errStopped) {
		return fmt.Errorf("start cluster %s: %w", name, err)
	}
	if r.Layout != layout {
		return &provisioner.Error{Reason: provisioner.CreateFailed, Message: fmt.Sprintf(
			"Cluster %s was made by another version of Wheelhouse, which kept its clusters in another form. Delete it and make a new one: wheelhouse cluster delete %[1]s.", name)}
	}
	from, err := pack.Open(r.Pack)
	if err != nil {
		return fmt.Errorf("start cluster %s: %w", name, err)
	}
	plan, err := machine.Plan(name, from.Manifest().Kubernetes, r.Spec.Workers)
	if err != nil {
		return err
	}
	plan.Images = imagesOf(from)
	b := &build{Provider: p, record: r, plan: plan}
	if err := b.restart(ctx, from); err != nil {
		if errors.Is(context.Cause(ctx), errDeleted) {
			return fmt.Errorf("start cluster %s: it was deleted meanwhile: %w", name, provisioner.ErrNotFound)
		}
		return explain(fmt.Errorf("start cluster %s: %w", name, err), "started")
	}
	return nil
}

// restart is what a creation does, but for what is there already.
func (b *build) restart(ctx context.Context, from *pack.Pack) error {
	if err := b.runc(b.record).delete(ctx, b.record.Container); err != nil {
		return err
	}
	// Its files belong to the ids that it had. After a reboot another cluster may
	// have taken them.
	taken, err := b.record.IDs.take(b.options.RunDir, b.store.folder(b.record.Name))
	if err != nil {
		return err
	}
	if !taken {
		return fmt.Errorf("its ids, %d and on, are another cluster's now", b.record.IDs.First)
	}
	folder := b.store.folder(b.record.Name)
	if err := b.mountDisks(folder); err != nil {
		return err
	}
	if err := b.writeCluster(folder); err != nil {
		return err
	}
	if err := b.start(ctx, from); err != nil {
		return err
	}
	access, err := b.access(b.record)
	if err != nil {
		return err
	}
	// A node may be down as its student left it, so that they are Ready is not asked.
	return b.awaitAnswers(ctx, access, func(context.Context, *provisioner.Health) error { return nil })
}
