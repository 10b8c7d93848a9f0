// Package provisioner makes, lists and deletes clusters, and keeps some of them
// warm. It knows nothing of labs or people; package labs calls it. What really
// makes clusters are the providers in the folders below.
package provisioner

import (
	"context"
	"net"
	"time"
)

// Spec is what is asked of a cluster. Two clusters of the same Spec can stand in
// for each other, so it is comparable.
type Spec struct {
	Workers int `json:"workers"` // nodes beside the control plane
}

// State tells what can be done with a cluster.
type State string

// The states of a cluster. A cluster that is still Creating when the process
// that made it has died can only be deleted.
const (
	Creating State = "Creating"
	Ready    State = "Ready"
	Broken   State = "Broken" // Message says why
	Halted   State = "Halted" // its processes have ended; a Starter goes on with what it held
)

// Cluster is one cluster as its provider sees it now.
type Cluster struct {
	Name      string    `json:"name"`
	Provider  string    `json:"provider"` // "kind" or "embedded"
	Spec      Spec      `json:"spec"`
	State     State     `json:"state"`
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// Starter is what a Provider also is whose clusters can be started again after
// their processes have ended, with the state that they had. Start returns when the
// API server and the workstation answer; on a cluster that runs it does nothing.
type Starter interface {
	Start(ctx context.Context, name string) error
}

// Freezer is what a Provider also is whose clusters can rest: a frozen one takes no
// processor time, keeps its memory, and goes on where it was some milliseconds
// after Thaw. Freezing what is frozen and thawing what runs is no error, and
// deleting what is frozen works. Of a Halted cluster both return ErrHalted.
type Freezer interface {
	Freeze(ctx context.Context, name string) error
	Thaw(ctx context.Context, name string) error
}

// Provider makes clusters. All methods may be called at the same time for
// different clusters. A provider sees only the clusters of its own owner (one
// data directory), never those of another Wheelhouse or of kind itself.
type Provider interface {
	// Create makes the cluster name and its workstation, and returns when the API
	// server answers, every node is Ready and the workstation can be dialled. It
	// blocks for seconds to minutes; report, which may be nil, is called with a
	// snapshot at each change, from one goroutine at a time: the first one lists
	// every phase, in the last one of a success all have ended. A name that is taken
	// is an *Error with NameTaken. When Create fails or ctx ends, nothing of the
	// cluster is left behind.
	Create(ctx context.Context, name string, spec Spec, report func(Progress)) (*Cluster, error)

	// List returns the clusters of this owner in the order of their names, half
	// made ones included: what a process that was killed has begun is Creating.
	List(ctx context.Context) ([]Cluster, error)

	// Access tells how to reach the ready cluster name: ErrNotFound where there is
	// none. It asks the disk, not the cluster, and so is fast.
	Access(ctx context.Context, name string) (*Access, error)

	// Delete removes the cluster and everything that belongs to it, half made or
	// not. Deleting what is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Access is how this process and the workstation reach one cluster.
type Access struct {
	Server            string // the API server's URL for this process: https://127.0.0.1:PORT
	WorkstationServer string // the API server's URL for the workstation
	CACert, CAKey     []byte // the cluster's certificate authority, PEM

	// Dial opens a connection to the agent on the cluster's workstation.
	Dial func(ctx context.Context) (net.Conn, error)
}
