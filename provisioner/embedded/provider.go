// Package embedded makes clusters with no container engine: the upstream
// components of Kubernetes from the runtime pack, in namespaces of their own for
// each cluster. What is outermost is one container, run by the pack's runc in a
// user namespace, a network without a way out, and control groups of its own; in
// it package machine runs nodes and workstation. Nothing of a cluster is
// anywhere else but in its folder under the data directory and in its processes,
// so deleting it is ending the first process and removing the folder.
//
// Main makes a Provider and hands it to the pool.
package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/pack"
)

// providerName is Cluster.Provider of every cluster made here.
const providerName = "embedded"

// Options say how clusters are made. DataDir, Pack, Machine and Agent have to be given.
type Options struct {
	DataDir string                     // where clusters are kept; made where it is missing, for this user only
	Pack    func() (*pack.Pack, error) // the runtime pack; asked for at each creation
	Machine []byte                     // the wheelhouse-machine program
	Agent   []byte                     // the wheelhouse-agent program
	RunDir  string                     // what is gone after a reboot, as processes are; "" is /run/wheelhouse
	Limits  Limits                     // of each cluster; zero fields take the defaults
	Logger  *slog.Logger               // nil discards
}

// Limits bound what one cluster can take from the machine.
type Limits struct {
	Memory int64 // bytes, of all its processes and their page cache; 0 is 4 GiB
	Disk   int64 // bytes, of what its nodes and their pods write; 0 is 16 GiB
	PIDs   int64 // processes and threads; 0 is 8192
	CPUs   int64 // processors; 0 is no limit but a fair share
}

func (l Limits) withDefaults() Limits {
	if l.Memory == 0 {
		l.Memory = 4 << 30
	}
	if l.Disk == 0 {
		l.Disk = 16 << 30
	}
	if l.PIDs == 0 {
		l.PIDs = 8192
	}
	return l
}

// Provider makes embedded clusters. Its methods may be called at the same time.
type Provider struct {
	options Options
	log     *slog.Logger
	store   store

	seeds sync.Mutex // held while a seed is looked for and made
}

var _ provisioner.Provider = (*Provider)(nil)

// New returns a provider for the clusters under options.DataDir. It starts
// nothing and does not need the pack yet.
func New(options Options) (*Provider, error) {
	if options.DataDir == "" {
		return nil, errors.New("embedded: no data directory")
	}
	if len(options.Agent) == 0 || len(options.Machine) == 0 {
		return nil, errors.New("embedded: this program was built without the parts that run in its clusters; build it with `make build`")
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	options.RunDir = cmp.Or(options.RunDir, "/run/wheelhouse")
	options.Limits = options.Limits.withDefaults()
	dir, err := filepath.Abs(options.DataDir)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	kept, err := openStore(filepath.Join(dir, "embedded"))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &Provider{options: options, log: options.Logger, store: kept}, nil
}

var nameShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// validName tells names that are good for a folder and a container.
func validName(name string) bool { return nameShape.MatchString(name) }
