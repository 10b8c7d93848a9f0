package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/pack"
)

// start starts the cluster's processes, of the pack, with the sockets that lead to
// them, and saves the record. The cluster's folder and its disks are there.
func (b *build) start(ctx context.Context, from *pack.Pack) (err error) {
	b.began = time.Now()
	folder := b.store.folder(b.record.Name)
	if b.record.Runc, err = b.installRunc(from); err != nil {
		return err
	}
	if err := b.writeBundle(b.record); err != nil {
		return err
	}
	image := filepath.Join(folder, packFolder)
	if err := os.MkdirAll(image, 0o700); err != nil {
		return err
	}
	if err := unmountAll(image); err != nil { // of a start that was killed
		return err
	}
	if err := from.Mount(image); err != nil {
		return err
	}
	// Once the container is made, it has a mount of its own.
	defer func() { err = errors.Join(err, unmountAll(image)) }()
	api, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: b.record.Port})
	if err != nil {
		return fmt.Errorf("find a port for the API server: %w", err)
	}
	defer api.Close()
	b.record.Port = api.Addr().(*net.TCPAddr).Port
	agent, err := host.ListenUnix(folder, agentSocket)
	if err != nil {
		return err
	}
	defer agent.Close()
	var files []*os.File
	for _, listener := range []interface{ File() (*os.File, error) }{api, agent} { // in the order of package machine
		file, err := listener.File()
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
	}
	log, err := os.OpenFile(filepath.Join(folder, logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := b.store.save(b.record); err != nil { // from here on there is something to clean up
		return err
	}
	runc := b.runc(b.record)
	if err := os.MkdirAll(runc.root, 0o700); err != nil {
		return err
	}
	pid, err := runc.create(ctx, b.record.Container, filepath.Join(folder, bundleFolder), log, files)
	if err != nil {
		return err
	}
	if b.record.Process, err = processOf(pid); err != nil {
		return fmt.Errorf("look at the cluster's first process: %w", err)
	}
	if err := delegateCgroups(pid, b.record.Container, b.record.IDs); err != nil {
		return err
	}
	if err := b.store.save(b.record); err != nil {
		return err
	}
	return runc.start(ctx, b.record.Container)
}

// lookEvery is the pause between two looks at something that is being made.
const lookEvery = 20 * time.Millisecond

// errDied ends the wait for a cluster whose first process has ended.
var errDied = errors.New("the cluster's first process has ended")

// whileAlive calls wait with a context that also ends when the cluster's first
// process does, or when there is no hope for one of its parts.
func (b *build) whileAlive(ctx context.Context, wait func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(10 * lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := b.hopeless(); err != nil {
					cancel(err)
				}
			}
		}
	}()
	err := wait(ctx)
	cancel(nil)
	<-watched
	return err
}

// awaitAuthority waits until the cluster has made its certificate authority and
// keeps a copy: what lies in the cluster's folder later, a student may have put
// there.
func (b *build) awaitAuthority(ctx context.Context) (*provisioner.Access, error) {
	pki := filepath.Join("nodes", b.plan.Nodes[0].Name, "kubernetes")
	err := b.whileAlive(ctx, func(ctx context.Context) error {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			// The last of the files that are made.
			_, err := b.store.readInside(b.record.Name, filepath.Join(pki, "kubelet.conf"))
			if err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the cluster's certificates are not there: %w", context.Cause(ctx))
			case <-tick.C:
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, file := range []string{caCertFile, caKeyFile} {
		text, err := b.store.readInside(b.record.Name, filepath.Join(pki, "pki", file))
		if err != nil {
			return nil, fmt.Errorf("read the cluster's authority: %w", err)
		}
		if err := provisioner.WriteFile(filepath.Join(b.store.folder(b.record.Name), file), text); err != nil {
			return nil, err
		}
	}
	return b.access(b.record)
}

// awaitReady waits until a student can start: the API server answers, which
// apiReady is told, nodes and DNS are ready, and the workstation can be dialled.
func (b *build) awaitReady(ctx context.Context, access *provisioner.Access, apiReady func()) error {
	return b.awaitAnswers(ctx, access, func(ctx context.Context, health *provisioner.Health) error {
		apiReady()
		return health.Await(ctx, len(b.plan.Nodes), b.log.With("cluster", b.record.Name))
	})
}

// awaitAnswers waits until the API server answers, and then until between returns and
// the workstation can be dialled. (Before, nobody may hang up for an agent that is not
// there; see agentAnswers.)
func (b *build) awaitAnswers(ctx context.Context, access *provisioner.Access, between func(context.Context, *provisioner.Health) error) error {
	return b.whileAlive(ctx, func(ctx context.Context) error {
		health, err := provisioner.NewHealth(access)
		if err != nil {
			return err
		}
		if err := health.AwaitAPI(ctx); err != nil {
			return err
		}
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return between(ctx, health) })
		g.Go(func() error { return awaitAgent(ctx, access) })
		return g.Wait()
	})
}

// awaitAgent waits until the agent on the workstation says something, or rather
// keeps a connection open.
func awaitAgent(ctx context.Context, access *provisioner.Access) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		answers, err := agentAnswers(ctx, access)
		if answers {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the workstation's agent does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

// agentAnswers reports whether the agent is there. The relay accepts for it, and
// hangs up at once where it is not.
func agentAnswers(ctx context.Context, access *provisioner.Access) (bool, error) {
	conn, err := access.Dial(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return false, err
	}
	_, err = conn.Read(make([]byte, 1))
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded), err
}
