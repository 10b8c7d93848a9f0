package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/controlplane"
	kubeadmconfig "k8s.io/kubernetes/cmd/kubeadm/app/util/config"

	"wheelhouse/provisioner/runtime/kubernetes/activity"
	"wheelhouse/provisioner/runtime/kubernetes/loadbalancer"
	"wheelhouse/provisioner/runtime/kubernetes/ready"
	"wheelhouse/provisioner/runtime/kubernetes/thaw"
)

// controlPlane says what control-plane has to run. It is the JSON of the file
// that is its only argument.
type controlPlane struct {
	// Kubeadm is a file with kubeadm's InitConfiguration and ClusterConfiguration:
	// certificates, flags and add-ons are those that kubeadm would make of it.
	Kubeadm string `json:"kubeadm"`

	// Balanced is the range of addresses for services of the type LoadBalancer.
	Balanced netip.Prefix `json:"balanced"`

	Nodes []node `json:"nodes"` // all of them, this one first

	// Seed ends the program as soon as the database holds what every new cluster
	// has, but for what depends on its certificates. Then there are no nodes.
	Seed bool `json:"seed"`
}

// node is one node that the cluster is to have.
type node struct {
	Name    string       `json:"name"`
	Address netip.Addr   `json:"address"`
	Pods    netip.Prefix `json:"pods"`   // addresses of its pods
	Folder  string       `json:"folder"` // its /etc/kubernetes, as seen from here

	// Activity is a socket of it, as seen from here, which is told when something is
	// going on in the cluster. See activity.NewBell.
	Activity string `json:"activity"`

	// What its kubelet will report of it.
	Memory      int64 `json:"memory"`      // bytes
	Allocatable int64 `json:"allocatable"` // bytes of Memory that pods may ask for
	CPUs        int64 `json:"cpus"`        // 0 is as many as this machine has
}

// Where the control plane keeps its files, as kubeadm has it.
const (
	kubernetesDir = "/etc/kubernetes"
	adminFile     = kubernetesDir + "/super-admin.conf"
)

// runControlPlane runs etcd, the API server, the controller manager and the
// scheduler in this process. Together they need less memory than apart, and
// start sooner. When one of them ends, all do: who started the process starts it
// again.
func runControlPlane() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serveControlPlane(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		return 1
	}
	return 0
}

func serveControlPlane(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: kubernetes control-plane FILE")
	}
	c, kubeadm, err := readControlPlane(args[0])
	if err != nil {
		return err
	}
	if err := makePKI(kubeadm, c.Nodes); err != nil {
		return fmt.Errorf("make the certificates: %w", err)
	}
	flags := controlplane.GetStaticPodSpecs(&kubeadm.ClusterConfiguration, &kubeadm.LocalAPIEndpoint, nil)
	flagsOf := func(component string) []string {
		return flags[component].Spec.Containers[0].Command[1:]
	}
	// The three know one set of feature gates and one log, so what is parsed first
	// has to be parsed for all before any of them looks.
	api, err := newAPIServer(flagsOf("kube-apiserver"))
	if err != nil {
		return err
	}
	manager, err := newControllerManager(flagsOf("kube-controller-manager"))
	if err != nil {
		return err
	}
	scheduling, err := newScheduler(flagsOf("kube-scheduler"))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	database := newEtcd(kubeadm)
	g.Go(func() error { return ended(ctx, "etcd", database.run(ctx)) })
	defer database.close() // last: the others still write while they end
	g.Go(func() error {
		return ended(ctx, "kube-apiserver", api.run(ctx, database, thaw.NewGuard(ctx), c.bell()))
	})
	g.Go(func() error {
		client, err := adminClient()
		if err != nil {
			return err
		}
		if err := ready.Await(ctx, client, !c.Seed); err != nil {
			return err
		}
		klog.InfoS("The API server is ready")
		if err := prepare(ctx, kubeadm, c); err != nil {
			return err
		}
		g.Go(func() error { return ended(ctx, "kube-controller-manager", manager.run(ctx)) })
		g.Go(func() error {
			if !c.Seed {
				ready.AwaitDNS(ctx, client)
				ready.AwaitServices(ctx, ready.ProxyHealth)
			}
			return ended(ctx, "kube-scheduler", scheduling.run(ctx))
		})
		g.Go(func() error { return ended(ctx, "load balancer", balance(ctx, c)) })
		if err := bootstrap(ctx, kubeadm); err != nil {
			return err
		}
		if !c.Seed {
			installed, err := newAddons(kubeadm)
			if err != nil {
				return err
			}
			installed.restore(ctx)
			return nil
		}
		if err := ripen(ctx, client); err != nil {
			return fmt.Errorf("make a seed: %w", err)
		}
		return errSeeded
	})
	if err := g.Wait(); !errors.Is(err, errSeeded) {
		return err
	}
	return nil
}

// bell tells all nodes.
func (c *controlPlane) bell() *activity.Bell {
	var sockets []string
	for _, n := range c.Nodes {
		sockets = append(sockets, n.Activity)
	}
	return activity.NewBell(sockets)
}

// balance gives addresses to services of the type LoadBalancer.
func balance(ctx context.Context, c *controlPlane) error {
	client, err := adminClient()
	if err != nil {
		return err
	}
	return loadbalancer.Run(ctx, loadbalancer.Options{Client: client, Range: c.Balanced})
}

// errSeeded ends the parts when the seed is made.
var errSeeded = errors.New("the seed is made")

// readControlPlane reads what control-plane is told, and kubeadm's configuration
// with its defaults.
func readControlPlane(path string) (*controlPlane, *kubeadmapi.InitConfiguration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var c controlPlane
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	kubeadm, err := kubeadmconfig.LoadInitConfigurationFromFile(filepath.Clean(c.Kubeadm), kubeadmconfig.LoadOrDefaultConfigurationOptions{SkipCRIDetect: true})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Kubeadm, err)
	}
	return &c, kubeadm, nil
}

// ended is the error of a part that has returned: none of them may, until ctx
// ends.
func ended(ctx context.Context, part string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		err = errors.New("it has ended by itself")
	}
	return fmt.Errorf("%s: %w", part, err)
}
