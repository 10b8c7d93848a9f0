package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"time"

	"golang.org/x/sync/errgroup"

	"wheelhouse/provisioner"
)

// creation is a Create under way.
type creation struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when Create has cleaned up or is finished
}

// errDeleted ends a creation whose cluster is deleted meanwhile.
var errDeleted = errors.New("the cluster was deleted while it was being made")

// cleanupWithin is how long removing what a failed creation has made may take.
const cleanupWithin = 2 * time.Minute

var nameShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// validName tells names that are good for a folder, a network, a container and a
// node; kind adds "-control-plane".
func validName(name string) bool { return nameShape.MatchString(name) }

// Create makes the cluster name with its workstation.
func (p *Provider) Create(ctx context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	if !validName(name) || spec.Workers < 0 {
		return nil, fmt.Errorf("create cluster %q with %d workers: no such name or number can be", name, spec.Workers)
	}
	ctx, finish, err := p.beginCreation(ctx, name)
	if err != nil {
		return nil, err
	}
	defer finish()
	e, err := p.findEngine(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.claimName(ctx, e, name); err != nil {
		return nil, err
	}
	c := &build{Provider: p, engine: e, name: name, spec: spec, record: record{
		Name: name, Spec: spec, State: provisioner.Creating, CreatedAt: time.Now().UTC(), Engine: e.name,
	}}
	if err := p.store.begin(c.record); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, taken(name)
		}
		return nil, fmt.Errorf("create cluster %s: %w", name, errors.Join(err, p.store.remove(name)))
	}
	if err := c.run(ctx, report); err != nil {
		return nil, p.abandon(ctx, e, name, err)
	}
	made := c.record.cluster()
	return &made, nil
}

// beginCreation notes that name is being made, so that Delete can end it. The
// context that it returns ends then, too.
func (p *Provider) beginCreation(ctx context.Context, name string) (context.Context, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.creating[name] != nil {
		return nil, nil, taken(name)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &creation{cancel: cancel, done: make(chan struct{})}
	p.creating[name] = c
	return ctx, func() {
		p.mu.Lock()
		delete(p.creating, name)
		p.mu.Unlock()
		cancel(nil)
		close(c.done)
	}, nil
}

// claimName makes sure that nobody's containers or network have the name.
func (p *Provider) claimName(ctx context.Context, e *engine, name string) error {
	for _, look := range [][]string{
		{"ps", "-aq", "--filter", "label=" + labelKind + "=" + name},
		{"ps", "-aq", "--filter", "name=^/?" + workstationOf(name) + "$"},
		{"network", "ls", "-q", "--filter", "name=^" + name + "$"},
	} {
		found, err := e.run(ctx, look...)
		if err != nil {
			return p.explain(err, "look whether the name is free")
		}
		if found != "" {
			return taken(name)
		}
	}
	return nil
}

func taken(name string) error {
	return &provisioner.Error{Reason: provisioner.NameTaken, Message: fmt.Sprintf(
		"There is a cluster, a container or a network named %s already. Choose another name, or delete that first.", name)}
}

// abandon removes what a failed creation has made and returns what to tell of
// its error.
func (p *Provider) abandon(ctx context.Context, e *engine, name string, err error) error {
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWithin)
	defer cancel()
	left := p.destroy(cleanup, e, name)
	if left != nil {
		p.log.Error("a failed creation could not be cleaned up; deleting the cluster tries again", "cluster", name, "err", left)
	}
	doing := "create cluster " + name
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errDeleted), errors.Is(cause, context.Canceled):
		return fmt.Errorf("%s: %w", doing, cause)
	case left != nil && explain(left, doing).Reason == provisioner.NoEngine:
		p.forgetEngine()
		return &provisioner.Error{Reason: provisioner.NoEngine, Err: fmt.Errorf("%s: %w", doing, errors.Join(err, left)),
			Message: "The container engine stopped while the cluster was being made. Start it again and try once more."}
	case cause != nil:
		return &provisioner.Error{Reason: provisioner.TimedOut, Err: fmt.Errorf("%s: %w", doing, err),
			Message: "The cluster was not ready within its time limit. Close what else is busy on this machine, or raise the limit, and try again."}
	}
	return p.explain(err, doing)
}

// build is the work of one Create.
type build struct {
	*Provider
	engine *engine
	name   string
	spec   provisioner.Spec
	record record
	t      *provisioner.Tracker
	image  string // of the nodes
	port   int    // of the API server on this machine

	nodesUp   chan struct{} // closed when the nodes' containers run
	controlUp chan struct{} // closed when kubeadm has initialised the control plane
}

// run makes everything and saves the record as Ready.
func (b *build) run(ctx context.Context, report func(provisioner.Progress)) error {
	if err := b.plan(ctx, report); err != nil {
		return err
	}
	port, release, err := b.takePort()
	if err != nil {
		return err
	}
	defer release()
	b.port = port
	b.nodesUp, b.controlUp = make(chan struct{}), make(chan struct{})
	if err := b.createNetwork(ctx, b.engine, b.name, b.spec); err != nil {
		return err
	}
	if !b.imageHere(ctx) {
		if err := b.pullNodeImage(ctx, b.engine, b.image, b.t); err != nil {
			return err
		}
	}
	b.record.Server = fmt.Sprintf("https://127.0.0.1:%d", b.port)
	b.record.WorkstationServer = fmt.Sprintf("https://%s:6443", controlPlaneOf(b.name))

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.makeKubernetes(ctx) })
	g.Go(func() error { return b.makeWorkstation(ctx) })
	g.Go(func() error { return b.limitNodes(ctx) })
	g.Go(func() error { return b.loadImages(ctx) })
	g.Go(func() error { return b.awaitReady(ctx) })
	if err := g.Wait(); err != nil {
		return err
	}
	b.record.State = provisioner.Ready
	return b.store.save(b.record)
}

// plan chooses the node image and lists the phases to come.
func (b *build) plan(ctx context.Context, report func(provisioner.Progress)) error {
	image, here, err := b.nodeImage(ctx, b.engine)
	if err != nil {
		return err
	}
	b.image = image
	var phases []string
	if !here {
		phases = append(phases, phaseNodeImage)
	}
	if !here || !b.workstationHere(ctx) {
		phases = append(phases, phaseWorkstation)
	}
	phases = append(phases, phaseNodes)
	if len(b.options.Images) > 0 {
		phases = append(phases, phaseImages)
	}
	phases = append(phases, phaseControlPlane, phaseNetworking, phaseStorage)
	if b.spec.Workers > 0 {
		phases = append(phases, phaseWorkers)
	}
	b.t = newTracker(report, append(phases, phaseReady)...)
	return nil
}

// takePort finds a free port of this machine's loopback and keeps other
// creations of this process off it until release is called.
func (p *Provider) takePort() (port int, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, nil, fmt.Errorf("find a free port: %w", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if p.ports[port] {
			continue
		}
		p.ports[port] = true
		return port, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.ports, port)
		}, nil
	}
}

// controlPlaneOf returns the name that kind gives the cluster's first node.
func controlPlaneOf(cluster string) string { return cluster + "-control-plane" }

// cluster returns what List says of a cluster whose containers all run.
func (r record) cluster() provisioner.Cluster {
	return provisioner.Cluster{Name: r.Name, Provider: providerName, Spec: r.Spec, State: r.State, CreatedAt: r.CreatedAt}
}
