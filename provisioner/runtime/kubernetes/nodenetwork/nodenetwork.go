// Package nodenetwork is a node's part of the cluster's network in one process:
// kube-proxy, which leads Services to pods, NodePorts on localhost, which it does not
// have in its mode nftables, and the enforcer of NetworkPolicies.
// Together they need less memory than apart. It is a component of the program that
// this module builds; what starts nodes runs it in the node's network namespace.
package nodenetwork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
	"wheelhouse/provisioner/runtime/kubernetes/ready"
)

// options are the flags of node-network.
type options struct {
	proxyConfig string // a file, kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration
	kubeconfig  string
	nodeName    string
	podCIDRs    []string
	cniResults  string
}

// RunNodeNetwork runs with os.Args until a signal or until either part ends, and
// returns the exit status. Neither is started again here: who started the process
// starts it again.
func RunNodeNetwork() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := findOnlyNFT("/run/node-network")
	if err == nil {
		err = Serve(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node-network:", err)
		return 1
	}
	return 0
}

// findOnlyNFT makes of the folder all that this process looks for programs in, with
// nft in it. kube-proxy would clean up after its other modes, which never ran here: it
// calls iptables, ip6tables and modprobe a dozen times where it finds them.
func findOnlyNFT(folder string) error {
	nft, err := exec.LookPath("nft")
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return err
	}
	return errors.Join(os.Symlink(nft, filepath.Join(folder, "nft")), os.Setenv("PATH", folder))
}

// Serve runs both parts until ctx ends, and then returns nil. kube-proxy cannot be
// stopped within a process, so the process has to end after that.
func Serve(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	policies, err := o.networkPolicies()
	if err != nil {
		return err
	}
	if ready.Await(ctx, policies.Client, true) != nil {
		return nil // ctx has ended
	}
	ctx, cancel := context.WithCancel(ctx)
	var local sync.WaitGroup
	local.Go(func() {
		// The rest of the node's network works without.
		if err := keepLoopback(ctx, policies.Logger); err != nil {
			policies.Logger.Error("There are no NodePorts on localhost", "error", err)
		}
	})
	defer local.Wait()
	defer cancel()
	enforced, proxied := make(chan error, 1), make(chan error, 1)
	go func() { enforced <- networkpolicy.Run(ctx, policies) }()
	go func() {
		// A student waits for DNS, which needs no service; until services are there, no
		// pod is scheduled.
		ready.AwaitDNS(ctx, policies.Client)
		if ctx.Err() == nil {
			proxied <- o.proxy()
		}
	}()
	select {
	case err = <-enforced:
		if ctx.Err() != nil {
			return nil
		}
		return ended("the enforcer of network policies", err)
	case err = <-proxied:
		cancel()
		return errors.Join(ended("kube-proxy", err), <-enforced)
	}
}

// ended is the error of a part that has returned, which none may.
func ended(part string, err error) error {
	if err == nil {
		return fmt.Errorf("%s has ended by itself", part)
	}
	return fmt.Errorf("%s: %w", part, err)
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := pflag.NewFlagSet("node-network", pflag.ContinueOnError)
	flags.StringVar(&o.proxyConfig, "config", "", "configuration `file` of kube-proxy")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `file` of an identity that may list and watch pods, namespaces and network policies")
	flags.StringVar(&o.nodeName, "node-name", "", "`name` of the node's object")
	flags.StringSliceVar(&o.podCIDRs, "pod-cidr", nil, "range of the node's pods: with it and --cni-results, policies hold from a pod's first packet")
	flags.StringVar(&o.cniResults, "cni-results", "", "`folder` in which the CNI plug-ins' results are kept, /var/lib/cni/results for containerd")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var wrong []error
	for name, value := range map[string]string{"config": o.proxyConfig, "kubeconfig": o.kubeconfig, "node-name": o.nodeName} {
		if value == "" {
			wrong = append(wrong, fmt.Errorf("--%s is missing", name))
		}
	}
	if flags.NArg() > 0 {
		wrong = append(wrong, fmt.Errorf("%q is no flag", flags.Arg(0)))
	}
	return o, errors.Join(wrong...)
}

func (o *options) networkPolicies() (networkpolicy.Options, error) {
	p := networkpolicy.Options{NodeName: o.nodeName, ResultsDir: o.cniResults, Logger: slog.New(logr.ToSlogHandler(klog.Background()))}
	for _, text := range o.podCIDRs {
		cidr, err := netip.ParsePrefix(text)
		if err != nil {
			return p, fmt.Errorf("--pod-cidr: %w", err)
		}
		p.PodCIDRs = append(p.PodCIDRs, cidr)
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return p, fmt.Errorf("--kubeconfig: %w", err)
	}
	config.ContentType = "application/vnd.kubernetes.protobuf" // half the garbage of JSON
	config.UserAgent = "network-policy"
	p.Client, err = kubernetes.NewForConfig(config)
	return p, err
}

// proxy blocks until kube-proxy fails.
func (o *options) proxy() error {
	command := proxy.NewProxyCommand()
	command.SetArgs([]string{"--config", o.proxyConfig, "--hostname-override", o.nodeName})
	command.SilenceUsage, command.SilenceErrors = true, true
	return command.Execute()
}
