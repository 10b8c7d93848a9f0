// Package kind makes clusters with kind as a library, on Docker, Podman or
// nerdctl. Each cluster gets a network of its own, kind's node containers, and a
// workstation container beside them. What Wheelhouse knows of a cluster is kept
// in one folder per cluster under the data directory, so a restarted process
// finds its clusters again. Main makes a Provider and hands it to the pool.
package kind

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"

	"wheelhouse/provisioner"
)

// providerName is Cluster.Provider of every cluster made here.
const providerName = "kind"

// Image is a container image that every node of every cluster gets, so that
// pods start without a registry.
type Image struct {
	Ref     string // as in a pod: "wheelhouse/intro:1"
	Archive []byte // what `docker save` writes, compressed or not
}

// Options say how clusters are made. DataDir and Agent have to be given.
type Options struct {
	DataDir string       // where clusters are remembered; made where it is missing, for this user only
	Image   string       // the node image; "" takes the newest wheelhouse/node here, else kind's own
	Agent   []byte       // the wheelhouse-agent program for the engine's machine
	Images  []Image      // what every node gets before its cluster is Ready
	Runtime string       // "docker", "podman" or "nerdctl"; "" takes the first that answers
	Subnets netip.Prefix // every cluster's network is a piece of it; the zero Prefix is DefaultSubnets
	Logger  *slog.Logger // nil discards
}

// Provider makes clusters with kind. Its methods may be called at the same time.
type Provider struct {
	options Options
	log     *slog.Logger
	store   store

	mu       sync.Mutex
	engine   *engine              // nil until one has answered
	creating map[string]*creation // by the cluster's name
	ports    map[int]bool         // host ports promised to clusters under way

	networks sync.Mutex // held while a free subnet is looked for and taken
	images   sync.Mutex // held while an image is pulled or built
}

var _ provisioner.Provider = (*Provider)(nil)

// New returns a provider for the clusters under options.DataDir. It does not
// talk to an engine: one that is not running yet may be started later, and until
// then the methods return an Error with the reason NoEngine.
func New(options Options) (*Provider, error) {
	if options.DataDir == "" {
		return nil, errors.New("kind: no data directory")
	}
	if len(options.Agent) == 0 {
		return nil, errors.New("kind: this binary holds no workstation agent; build it with `make build`")
	}
	dir, err := filepath.Abs(options.DataDir)
	if err != nil {
		return nil, err
	}
	options.DataDir = dir
	return &Provider{options: options}, nil
}

// Create makes the cluster name with its workstation.
func (p *Provider) Create(ctx context.Context, name string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error) {
	return nil, errors.ErrUnsupported
}

// List returns the clusters of this data directory.
func (p *Provider) List(ctx context.Context) ([]provisioner.Cluster, error) {
	return nil, errors.ErrUnsupported
}

// Access tells how to reach the cluster name.
func (p *Provider) Access(ctx context.Context, name string) (*provisioner.Access, error) {
	return nil, errors.ErrUnsupported
}

// Delete removes the cluster name.
func (p *Provider) Delete(ctx context.Context, name string) error {
	return errors.ErrUnsupported
}

type (
	store    struct{}
	engine   struct{}
	creation struct{}
)
