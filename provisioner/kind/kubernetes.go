package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"wheelhouse/provisioner"
)

// patience is how long kind may go on after its cluster's containers were taken
// away from it. It runs the engine's commands without a time limit, so an engine
// that hangs keeps it.
const patience = 20 * time.Second

// makeKubernetes lets kind make the nodes and set up Kubernetes on them. kind
// cannot be told to stop: when ctx ends, its containers are removed until it
// gives up.
func (b *build) makeKubernetes(ctx context.Context) error {
	release := b.engine.nameNetwork(b.name)
	defer release()
	log := &statusLog{log: b.log.With("cluster", b.name)}
	log.status = b.follow(release)
	log.warned = func(text string) {
		if strings.Contains(text, "Overriding") {
			release() // kind has read the network's name
		}
	}
	kubeconfig := filepath.Join(b.store.folder(b.name), "kubeconfig")
	defer os.Remove(kubeconfig) // its credentials can be made from the authority at any time

	made := make(chan error, 1)
	go func() {
		made <- b.engine.kind(log).Create(b.name,
			cluster.CreateWithV1Alpha4Config(clusterConfig(b.name, b.image, b.port, b.spec, kernelOf(b.engine))),
			cluster.CreateWithKubeconfigPath(kubeconfig),
			cluster.CreateWithRetain(true)) // Create removes everything itself
	}()
	select {
	case err := <-made:
		if err != nil {
			return fmt.Errorf("kind: %w", err)
		}
		b.t.Start(phaseReady)
		return nil
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), b.stopKind(made))
	}
}

// stopKind takes kind's containers away until it has returned.
func (b *build) stopKind(made <-chan error) error {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_ = b.engine.removeNodes(ctx, b.name) // the cleanup after this tells
		select {
		case <-made:
			return nil
		case <-ctx.Done():
			// Whatever it still makes is removed with the cluster, or at the next
			// Delete: the record stays as long as the engine does not answer.
			return errors.New("kind does not return: the container engine hangs")
		case <-tick.C:
		}
	}
}

// follow returns what hears kind's status lines: it moves the phases on.
func (b *build) follow(release func()) func(line string) {
	nodesUp := sync.OnceFunc(func() { close(b.nodesUp) })
	controlUp := sync.OnceFunc(func() { close(b.controlUp) })
	current := ""
	return func(line string) {
		phase, begins := kindPhase(line)
		if phase == "" {
			return
		}
		if begins && phase != current {
			if current != "" {
				b.t.End(current)
			}
			current = phase
			b.t.Start(phase)
		}
		switch {
		case begins && phase == phaseControlPlane:
			release() // in case kind does not say any more that it has read it
			nodesUp()
		case !begins && phase != phaseNodes:
			b.t.End(phase)
			if phase == phaseControlPlane {
				controlUp()
			}
		}
	}
}

// awaitReady copies the cluster's authority here as soon as there is one, and
// then waits until the cluster is ready.
func (b *build) awaitReady(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-b.controlUp:
	}
	if err := b.copyAuthority(ctx); err != nil {
		return err
	}
	access, err := b.access(b.record)
	if err != nil {
		return err
	}
	server, err := provisioner.NewHealth(access)
	if err != nil {
		return err
	}
	log := b.log.With("cluster", b.name)
	if err := server.HurryDNS(ctx); err != nil {
		log.Debug("DNS will be ready a little later", "err", err)
	}
	if err := server.Await(ctx, 1+b.spec.Workers, log); err != nil {
		return fmt.Errorf("wait for the cluster: %w", err)
	}
	b.t.End(phaseReady)
	return nil
}

// copyAuthority brings the cluster's certificate authority here.
func (b *build) copyAuthority(ctx context.Context) error {
	const pki = "/etc/kubernetes/pki/"
	both, err := b.engine.run(ctx, "exec", controlPlaneOf(b.name), "cat", pki+caCertFile, pki+caKeyFile)
	if err != nil {
		return err
	}
	const end = "-----END CERTIFICATE-----"
	cert, key, found := strings.Cut(both, end)
	if !found {
		return errors.New("the control plane holds no certificate authority")
	}
	folder := b.store.folder(b.name)
	return errors.Join(
		provisioner.WriteFile(filepath.Join(folder, caCertFile), []byte(cert+end+"\n")),
		provisioner.WriteFile(filepath.Join(folder, caKeyFile), []byte(strings.TrimSpace(key)+"\n")))
}

// Limits of one node, so that what runs wild in one student's cluster spares the
// others'. An idle control plane takes 600 MB and 250 processes and threads.
const (
	nodeMemory = "3g"
	nodePIDs   = "8192"
)

// limitNodes keeps the nodes within bounds, which kind cannot be asked for.
func (b *build) limitNodes(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-b.nodesUp:
	}
	nodes, err := b.engine.lines(ctx, "ps", "-q", "--filter", "label="+labelKind+"="+b.name)
	if err != nil {
		return err
	}
	limit := []string{"update", "--memory", nodeMemory, "--memory-swap", nodeMemory, "--pids-limit", nodePIDs}
	if _, err := b.engine.run(ctx, append(limit, nodes...)...); err != nil && ctx.Err() == nil {
		b.log.Warn("the nodes run without limits: the engine refuses them", "cluster", b.name, "err", err)
	}
	return nil
}

// loadImages puts the images onto every node, once containerd runs there.
func (b *build) loadImages(ctx context.Context) error {
	if len(b.options.Images) == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-b.nodesUp:
	}
	b.t.Start(phaseImages)
	defer b.t.End(phaseImages)
	made, err := b.engine.kind(&statusLog{log: b.log}).ListInternalNodes(b.name)
	if err != nil {
		return err
	}
	var g errgroup.Group // its commands end when the nodes are removed
	for _, node := range made {
		g.Go(func() error {
			for _, image := range b.options.Images {
				if err := loadImage(ctx, node, image); err != nil {
					return fmt.Errorf("load image %s onto %s: %w", image.Ref, node, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// loadImage imports the image on the node; containerd may need a moment yet.
func loadImage(ctx context.Context, node nodes.Node, image Image) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for try := 1; ; try++ {
		err := nodeutils.LoadImageArchive(node, bytes.NewReader(image.Archive))
		if err == nil || try == 25 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// makeWorkstation starts the workstation and waits for its agent. Its image is
// built beside the nodes' start where there is none yet.
func (b *build) makeWorkstation(ctx context.Context) error {
	image, err := b.ensureWorkstation(ctx, b.engine, b.image, b.t)
	if err != nil {
		return err
	}
	if err := b.startWorkstation(ctx, b.engine, b.name, image); err != nil {
		return fmt.Errorf("start the workstation: %w", err)
	}
	how, err := b.awaitAgent(ctx, b.engine, b.name)
	b.record.Dial = how
	return err
}

// workstationHere reports whether the workstation's image need not be built.
func (b *build) workstationHere(ctx context.Context) bool {
	id, err := b.engine.imageID(ctx, b.image)
	if err != nil {
		return false
	}
	_, err = b.engine.imageID(ctx, b.workstationTag(id))
	return err == nil
}

// imageHere reports whether the node image need not be downloaded.
func (b *build) imageHere(ctx context.Context) bool {
	_, err := b.engine.imageID(ctx, b.image)
	return err == nil
}
