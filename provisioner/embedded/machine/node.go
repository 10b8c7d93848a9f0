package machine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"gopkg.in/natefinch/lumberjack.v2"

	"wheelhouse/provisioner/command"
)

// Programs and files of a node.
const (
	kubernetesDir     = "/etc/kubernetes"
	kubernetesProgram = "/usr/local/bin/kubernetes"
	containerdProgram = "/usr/local/bin/containerd"
	containerdSocket  = "/run/containerd/containerd.sock"
	containerdConfig  = "/etc/containerd/config.toml"
	kubeletConfig     = "/etc/kubernetes/kubelet.yaml"
	kubeletKubeconfig = "/etc/kubernetes/kubelet.conf"
	proxyConfig       = "/etc/kubernetes/kube-proxy.yaml"
	proxyKubeconfig   = "/etc/kubernetes/kube-proxy.conf"
	controlConfig     = "/etc/kubernetes/control-plane.json"
	registryConfig    = "/etc/containerd/certs.d/_default/hosts.toml"
	networkConfig     = "/etc/cni/net.d/10-wheelhouse.conflist"
)

// RunNode runs the components of the node called name, until ctx ends. It is the
// program's part node, in the node's own container.
func RunNode(ctx context.Context, name string, log *slog.Logger) error {
	c, err := readCluster(nodeDescription)
	if err != nil {
		return err
	}
	n, err := c.node(name)
	if err != nil {
		return err
	}
	if err := leaveRootCgroup(); err != nil {
		return err
	}
	if err := c.writeNames(); err != nil {
		return fmt.Errorf("write the names of the nodes: %w", err)
	}
	if err := shareImages("/var/lib/containerd"); err != nil {
		return fmt.Errorf("share the pack's images: %w", err)
	}
	shares, err := c.nodeShares()
	if err != nil {
		return err
	}
	if err := shares.tellKubelet(n); err != nil {
		return err
	}
	if err := writeNodeConfig(c, n, shares); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := leadToAPIServer(ctx, c); err != nil {
		return err
	}
	if c.Seed {
		return runComponent(ctx, "control-plane", newPace(log), kubernetesProgram, "control-plane", controlConfig)
	}
	board := newBoard("/var/log", log)
	g, ctx := errgroup.WithContext(ctx)
	pace := newPace(log)
	g.Go(func() error { return pace.listen(ctx, activitySocket(name)) })
	g.Go(func() error { pace.keep(ctx); return nil })
	component := func(name string, after []func(context.Context) error, args ...string) {
		g.Go(func() error { return keepComponent(ctx, name, after, board, pace, log, args...) })
	}
	if n.Control {
		component("control-plane", nil, kubernetesProgram, "control-plane", controlConfig)
	} else {
		g.Go(func() error { return takeCredentials(ctx, handover(name), kubernetesDir) })
	}
	component("containerd", nil, containerdProgram, "--config", containerdConfig)
	component("kubelet", nil,
		kubernetesProgram, "kubelet", "--config", kubeletConfig, "--kubeconfig", kubeletKubeconfig,
		"--hostname-override", n.Name, "--node-ip", n.Address.String())
	component("node-network", []func(context.Context) error{fileIsThere(proxyKubeconfig)},
		kubernetesProgram, "node-network", "--config", proxyConfig, "--kubeconfig", proxyKubeconfig, "--node-name", n.Name,
		"--pod-cidr", n.Pods.String(), "--cni-results", "/var/lib/cni/results")
	return g.Wait()
}

// leadToAPIServer has the address of the service kubernetes lead to the API server
// from the first moment: kube-proxy does that a second or two later, and a pod that
// asks before asks again after one second, two, four.
func leadToAPIServer(ctx context.Context, c *Cluster) error {
	rule := fmt.Sprintf("ip daddr %s tcp dport 443 dnat to %s", c.Services.Addr().Next(), c.APIServer())
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader("table ip wheelhouse {\n" +
		"chain prerouting { type nat hook prerouting priority dstnat - 1; " + rule + "; }\n" +
		"chain output { type nat hook output priority -101; " + rule + "; }\n}\n")
	if err := command.Run(cmd); err != nil {
		return fmt.Errorf("lead to the API server: %w", err)
	}
	return nil
}

// keepComponent runs a program of the node and starts it again when it ends. It
// starts when all of after have returned.
func keepComponent(ctx context.Context, name string, after []func(context.Context) error, board *board, pace *pace, log *slog.Logger, args ...string) error {
	return restart(ctx, name, board, log, func(ctx context.Context) error {
		for _, wait := range after {
			if err := wait(ctx); err != nil {
				return err
			}
		}
		return runComponent(ctx, name, pace, args...)
	})
}

// runComponent runs a program of the node until it ends; when ctx does, it is
// asked to. What it prints goes to /var/log.
func runComponent(ctx context.Context, name string, pace *pace, args ...string) error {
	out := &lumberjack.Logger{Filename: filepath.Join("/var/log", name+".log"), MaxSize: 8 /* MB */, MaxBackups: 1}
	defer out.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(),
		"GOGC=50", // containerd's; Kubernetes' parts have their own mind
		"WHEELHOUSE_AWAIT="+kubeletKubeconfig+":"+containerdSocket) // what the kubelet needs before it begins
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return err
	}
	pace.add(cmd.Process.Pid)
	defer pace.remove(cmd.Process.Pid)
	return cmd.Wait()
}

// fileIsThere waits for a file that another process writes.
func fileIsThere(path string) func(context.Context) error {
	return until(func() error { _, err := os.Stat(path); return err })
}

// until returns a function that tries again every few milliseconds, until it
// works or ctx ends.
func until(try func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			err := try()
			if err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return errors.Join(context.Cause(ctx), err)
			case <-tick.C:
			}
		}
	}
}
