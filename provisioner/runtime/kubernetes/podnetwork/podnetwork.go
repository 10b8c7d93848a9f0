// Package podnetwork is the network of a node's pods, and of the network policies
// between them, for nodes that are started by something else: kind's nodes are
// given it as a DaemonSet. It is a component of the program that this module
// builds.
//
// Each node links its pods to itself by the CNI plug-in ptp, routes the ranges of
// the other nodes' pods by their addresses, and hides its pods behind its own
// address where they speak with somebody outside. It knows IPv4.
package podnetwork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
)

// options are the flags of pod-network.
type options struct {
	nodeName   string
	podCIDR    netip.Prefix // of all pods of the cluster
	cniConfig  string
	cniResults string
}

// RunPodNetwork runs with os.Args in a pod on the node's network until a signal or
// an error, and returns the exit status.
func RunPodNetwork() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "pod-network:", err)
		return 1
	}
	return 0
}

func parse(args []string) (*options, error) {
	o := &options{}
	var podCIDR string
	flags := pflag.NewFlagSet("pod-network", pflag.ContinueOnError)
	flags.StringVar(&o.nodeName, "node-name", "", "`name` of the node's object")
	flags.StringVar(&podCIDR, "cluster-cidr", "", "`range` of the cluster's pods, of all nodes")
	flags.StringVar(&o.cniConfig, "cni-config", "/etc/cni/net.d/10-wheelhouse.conflist", "`file` to write for the container runtime")
	flags.StringVar(&o.cniResults, "cni-results", "/var/lib/cni/results", "`folder` in which the CNI plug-ins' results are kept")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.podCIDR, err = netip.ParsePrefix(podCIDR); err != nil || !o.podCIDR.Addr().Is4() {
		return nil, fmt.Errorf("--cluster-cidr %q is no range of IPv4 addresses", podCIDR)
	}
	if o.nodeName == "" {
		return nil, errors.New("--node-name is missing")
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return o, nil
}

func serve(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.UserAgent = "pod-network"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := hide(ctx, o.podCIDR); err != nil {
		return err
	}
	nodes, changed, err := watchNodes(ctx, client)
	if err != nil {
		return err
	}
	log := slog.New(logr.ToSlogHandler(klog.Background()))
	own, err := awaitRange(ctx, nodes, changed, o.nodeName)
	if err != nil {
		return err
	}
	if err := writeConfig(o.cniConfig, own); err != nil {
		return err
	}
	log.Info("The node's pods have a network", "node", o.nodeName, "range", own)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return networkpolicy.Run(ctx, networkpolicy.Options{
			Client: client, NodeName: o.nodeName, PodCIDRs: []netip.Prefix{own}, ResultsDir: o.cniResults, Logger: log,
		})
	})
	g.Go(func() error { return keepRoutes(ctx, nodes, changed, o.nodeName, log) })
	return g.Wait()
}

// watchNodes returns what is known of the cluster's nodes, and a channel of
// capacity one that tells of changes.
func watchNodes(ctx context.Context, client kubernetes.Interface) (corelisters.NodeLister, <-chan struct{}, error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	if _, err := nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { poke() },
		UpdateFunc: func(_, _ any) { poke() },
		DeleteFunc: func(any) { poke() },
	}); err != nil {
		return nil, nil, err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), nodes.Informer().HasSynced) {
		return nil, nil, context.Cause(ctx)
	}
	return nodes.Lister(), changed, nil
}

// awaitRange waits until the controller manager has given the node a range.
func awaitRange(ctx context.Context, nodes corelisters.NodeLister, changed <-chan struct{}, name string) (netip.Prefix, error) {
	for {
		if node, err := nodes.Get(name); err == nil {
			if own := podRange(node); own.IsValid() {
				return own, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return netip.Prefix{}, context.Cause(ctx)
		}
	}
}

// podRange is the IPv4 range of a node's pods; not valid while it has none.
func podRange(node *corev1.Node) netip.Prefix {
	for _, text := range node.Spec.PodCIDRs {
		if cidr, err := netip.ParsePrefix(text); err == nil && cidr.Addr().Is4() {
			return cidr.Masked()
		}
	}
	return netip.Prefix{}
}

// address is a node's IPv4 address in the cluster; not valid while it has none.
func address(node *corev1.Node) netip.Addr {
	for _, a := range node.Status.Addresses {
		if ip, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeInternalIP && ip.Is4() {
			return ip
		}
	}
	return netip.Addr{}
}
