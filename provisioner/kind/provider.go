// Package kind makes clusters with kind as a library, on Docker, Podman or
// nerdctl. Each cluster gets a network of its own, kind's node containers, and a
// workstation container beside them. What Wheelhouse knows of a cluster is kept
// in one folder per cluster under the data directory, so a restarted process
// finds its clusters again. Main makes a Provider and hands it to the pool.
package kind

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"

	"wheelhouse/provisioner"
)

// providerName is Cluster.Provider of every cluster made here.
const providerName = "kind"

// Image is a container image that every node of every cluster gets, so that
// pods start without a registry.
type Image struct {
	Ref     string // as in a pod: "wheelhouse/intro:1"
	Archive []byte // what `docker save` writes, compressed or not; one archive may hold several images
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
	ports    map[int]bool         // of this machine, promised to clusters that are being made

	networks sync.Mutex // held while a free subnet is looked for and taken

	addons sync.Map // []addon by the cluster's name, once read

	nodes sync.Mutex // held while a node is stopped or started

	images  sync.Mutex // held while an image is pulled or built
	offline bool       // no packages could be downloaded; guarded by images
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
		return nil, errors.New("kind: this program was built without the workstation's agent; build it with `make build`")
	}
	if options.Runtime != "" && !slices.Contains(runtimes, options.Runtime) {
		return nil, fmt.Errorf("kind: unknown container engine %q: choose one of %q", options.Runtime, runtimes)
	}
	if !options.Subnets.IsValid() {
		options.Subnets = DefaultSubnets
	}
	if !options.Subnets.Addr().Is4() || options.Subnets.Bits() > networkBits || options.Subnets.Bits() < 8 {
		return nil, fmt.Errorf("kind: %s cannot be cut into networks: choose an IPv4 range from /8 to /%d", options.Subnets, networkBits)
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(options.DataDir)
	if err != nil {
		return nil, fmt.Errorf("kind: %w", err)
	}
	options.DataDir = dir
	kept, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("kind: %w", err)
	}
	return &Provider{
		options:  options,
		log:      options.Logger,
		store:    kept,
		creating: make(map[string]*creation),
		ports:    make(map[int]bool),
	}, nil
}
