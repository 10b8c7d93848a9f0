package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/pack"
)

// cleanupWithin is how long removing what a failed creation has made may take.
const cleanupWithin = time.Minute

// Create makes the cluster name with its workstation.
func (p *Provider) Create(ctx context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	if !validName(name) {
		return nil, fmt.Errorf("create cluster %q: no such name can be", name)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("create cluster %s: %w", name, context.Cause(ctx))
	}
	from, err := p.options.Pack()
	if err != nil {
		return nil, err
	}
	if err := checkHost(); err != nil {
		return nil, err
	}
	plan, err := machine.Plan(name, from.Manifest().Kubernetes, spec.Workers)
	if err != nil {
		return nil, fmt.Errorf("create cluster %s: %w", name, err)
	}
	if err := p.checkShares(len(plan.Nodes)); err != nil {
		return nil, err
	}
	b := &build{Provider: p, plan: plan, record: record{
		Name: name, Spec: spec, State: provisioner.Creating, CreatedAt: time.Now().UTC(),
		Layout: layout, Pack: from.Dir(), Container: p.store.container(name),
	}}
	b.plan.Images = imagesOf(from)
	if err := p.store.begin(b.record); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, taken(name)
		}
		return nil, fmt.Errorf("create cluster %s: %w", name, errors.Join(err, p.destroy(ctx, b.record)))
	}
	held, _, release, err := p.hold(ctx, name)
	if errors.Is(err, provisioner.ErrNotFound) {
		return nil, fmt.Errorf("create cluster %s: %w", name, errDeleted)
	}
	if err != nil {
		return nil, p.abandon(ctx, b.record, err)
	}
	defer release()
	_, err = os.Stat(filepath.Join(p.store.dir, seedsFolder, p.seedKey(from)))
	if err := b.run(held, from, newTracker(report, err != nil)); err != nil {
		return nil, p.abandon(held, b.record, err)
	}
	made := b.record.cluster()
	return &made, nil
}

func taken(name string) error {
	return &provisioner.Error{Reason: provisioner.NameTaken, Message: fmt.Sprintf(
		"There is a cluster named %s already. Choose another name, or delete that first.", name)}
}

// abandon removes what a failed creation has made and returns what to tell of
// its error.
func (p *Provider) abandon(ctx context.Context, r record, err error) error {
	logged := p.withLog(r.Name, err) // before the log goes
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWithin)
	defer cancel()
	if left := p.destroy(cleanup, r); left != nil {
		p.log.Error("a failed creation could not be cleaned up; deleting the cluster tries again", "cluster", r.Name, "err", left)
	}
	doing := "create cluster " + r.Name
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errDeleted), errors.Is(cause, context.Canceled):
		return fmt.Errorf("%s: %w", doing, cause)
	case cause != nil:
		return &provisioner.Error{Reason: provisioner.TimedOut, Err: fmt.Errorf("%s: %w", doing, logged),
			Message: "The cluster was not ready within its time limit (--create-timeout). It waited for this: " +
				printable(strings.TrimSuffix(err.Error(), ": "+cause.Error())) + "."}
	}
	return explain(fmt.Errorf("%s: %w", doing, logged), "made")
}

// withLog adds to err what the first process of the cluster name has printed last.
func (p *Provider) withLog(name string, err error) error {
	said := printableLines(command.LastLines(string(logTail(filepath.Join(p.store.folder(name), logFile)))))
	if said == "" {
		return fmt.Errorf("%w; the cluster's first process has printed nothing", err)
	}
	return fmt.Errorf("%w; the cluster's first process has printed:\n%s", err, said)
}

// build is the work of one Create.
type build struct {
	*Provider
	record record
	plan   machine.Cluster
	began  time.Time // when its processes were started
}

// run makes everything and saves the record as Ready.
func (b *build) run(ctx context.Context, from *pack.Pack, t *provisioner.Tracker) error {
	seed, err := b.seed(ctx, from, t)
	if err != nil {
		return err
	}
	t.End(phaseSeed)
	t.Start(phaseMachine)
	folder := b.store.folder(b.record.Name)
	if err := from.Keep(folder); err != nil {
		return err
	}
	if b.record.IDs, err = takeIDs(b.options.RunDir, folder); err != nil {
		return err
	}
	if err := b.makeDisks(ctx, folder); err != nil {
		return err
	}
	if err := b.writeCluster(folder); err != nil {
		return err
	}
	if err := copySparse(seed, filepath.Join(folder, etcdFolder), b.record.IDs.nodes()); err != nil {
		return err
	}
	if err := b.start(ctx, from); err != nil {
		return err
	}
	t.End(phaseMachine)
	t.Start(phaseControlPlane)
	access, err := b.awaitAuthority(ctx)
	if err != nil {
		return err
	}
	if err := b.awaitReady(ctx, access, func() {
		t.End(phaseControlPlane)
		t.Start(phaseReady)
	}); err != nil {
		return err
	}
	b.record.State = provisioner.Ready
	if err := b.store.save(b.record); err != nil {
		return err
	}
	t.End(phaseReady)
	return nil
}

// writeCluster writes what the cluster finds on its disk at each start: its
// description and the programs of this version. All of it belongs to the outermost
// process.
func (b *build) writeCluster(folder string) error {
	dir := filepath.Join(folder, clusterFolder)
	database := filepath.Join(folder, etcdFolder)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(database, 0o700), os.Lchown(database, b.record.IDs.nodes(), b.record.IDs.nodes())); err != nil {
		return err
	}
	description, err := json.Marshal(b.plan)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	owner := int(b.record.IDs.First)
	if err := errors.Join(root.MkdirAll(filepath.Dir(machine.ProgramFile), 0o755), root.Lchown(".", owner, owner),
		root.Lchown(filepath.Dir(machine.ProgramFile), owner, owner)); err != nil {
		return err
	}
	for _, file := range []struct {
		name string
		text []byte
		mode fs.FileMode
	}{
		{machine.DescriptionFile, description, 0o644},
		{machine.HostsFile, b.plan.Hosts(), 0o644},
		{machine.ResolvFile, b.plan.Resolv(), 0o644},
		{machine.ProgramFile, b.options.Machine, 0o755},
		{machine.AgentFile, b.options.Agent, 0o755},
	} {
		if err := writeInside(root, file.name, file.text, file.mode, owner); err != nil {
			return err
		}
	}
	return nil
}

// writeInside writes a file in root, in one step, for the user and group id owner. One
// that is there already is left: a cluster that has filled its disk can be started.
func writeInside(root *os.Root, name string, text []byte, mode fs.FileMode, owner int) error {
	if there, err := readRegular(root, name, int64(len(text))+1); err == nil && bytes.Equal(there, text) {
		return nil
	}
	beside := name + ".new"
	if err := root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Chmod(mode), file.Chown(owner, owner), file.Close()); err != nil {
		return fmt.Errorf("write %s of the cluster: %w", name, err)
	}
	return root.Rename(beside, name)
}
