package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"github.com/fsnotify/fsnotify"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/knftables"
)

// Options are what Run needs. Client and NodeName have no default.
type Options struct {
	Client   kubernetes.Interface // may list and watch pods, namespaces and networkpolicies
	NodeName string

	// PodCIDRs are the ranges of the node's pods and ResultsDir is libcni's cache in
	// containerd's file system, /var/lib/cni/results. With both, policies hold from a
	// pod's first packet; without, from when its address is in its status, which is
	// after its start.
	PodCIDRs   []netip.Prefix
	ResultsDir string

	NFT    knftables.Interface // nil: the program nft, in this network namespace
	Logger *slog.Logger        // nil: slog.Default()
}

// Run keeps the rules of the node's pods until ctx ends, and then returns nil with
// the rules left in place. It returns an error at once if the kernel or the nft
// program cannot do it; what goes wrong later is logged and tried again.
func Run(ctx context.Context, o Options) error {
	if o.Client == nil || o.NodeName == "" {
		return errors.New("network policy: a client and a node's name are needed")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.ResultsDir == "" {
		o.PodCIDRs = nil // new pods would be cut off until their status is written
	}
	if o.NFT == nil {
		nft, err := knftables.New(knftables.InetFamily, tableName)
		if err != nil {
			return fmt.Errorf("network policy: %w", err)
		}
		o.NFT = nft
	}
	e := &enforcer{options: o, kernel: kernel{nft: o.NFT}, dirty: make(chan struct{}, 1)}

	ctx, cancel := context.WithCancel(ctx)
	c, err := newCluster(o.Client, e.changed)
	if err != nil {
		cancel()
		return fmt.Errorf("network policy: %w", err)
	}
	e.cluster = c
	defer c.wait()
	defer cancel()                 // first: wait is for the goroutines that this ends
	results := &fsnotify.Watcher{} // tells of nothing
	if o.ResultsDir != "" {
		if results, err = watchFolder(o.ResultsDir); err != nil {
			return fmt.Errorf("network policy: %w", err)
		}
		defer results.Close()
	}
	if err := c.start(ctx.Done()); err != nil {
		return nil // ctx has ended
	}
	e.changed()
	e.loop(ctx, results)
	return nil
}

// watchFolder makes the folder if need be: libcni makes it with its first file. The
// caller closes the watcher.
func watchFolder(folder string) (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(folder, 0o700), w.Add(folder)); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}
