package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	packContainerd = PackDir + "/containerd"
	snapshotsDir   = "/io.containerd.snapshotter.v1.overlayfs/snapshots/"
	runcProgram    = PackDir + "/node/usr/local/bin/runc"
	runcRoot       = "/run/runc"
)

// RunCluster lays the network, runs the nodes and the workstation and connects
// the sockets that it was started with, until ctx ends. A node that dies is
// started again. It is the program's part cluster.
func RunCluster(ctx context.Context, log *slog.Logger) error {
	c, err := readCluster(clusterFile)
	if err != nil {
		return err
	}
	if err := leaveRootCgroup(); err != nil {
		return err
	}
	if err := layNetwork(c); err != nil {
		return err
	}
	if c.Seed {
		return c.runSeed(ctx)
	}
	board := newBoard(ClusterDir, log)
	g, ctx := errgroup.WithContext(ctx)
	for i := range c.Nodes {
		g.Go(func() error {
			n := &c.Nodes[i]
			snapshots, err := prepareNode(n)
			if err != nil {
				return fmt.Errorf("prepare node %s: %w", n.Name, err)
			}
			return c.keepNode(ctx, n, board, func(ctx context.Context) error {
				return keep(ctx, n.Name, c.nodeSpec(n, snapshots), board, log)
			})
		})
	}
	g.Go(func() error { return c.keepWorkstation(ctx, board, log) })
	g.Go(func() error {
		return serveSocket(ctx, fdAPI, "api", "tcp", c.APIServer().String(), log)
	})
	g.Go(func() error {
		return serveSocket(ctx, fdAgent, "agent", "unix", filepath.Join(ClusterDir, "run", agentSocket), log)
	})
	g.Go(func() error { return c.serveRegistry(ctx, log) })
	return g.Wait()
}

// serveSocket relays the listener fd to address.
func serveSocket(ctx context.Context, fd uintptr, name, network, address string, log *slog.Logger) error {
	listener, err := listenerOf(fd, name)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	return relay(ctx, listener, func(ctx context.Context) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}, log)
}

func (c *Cluster) keepWorkstation(ctx context.Context, board *board, log *slog.Logger) error {
	return keep(ctx, workstationName, c.workstationSpec(), board, log)
}

// runSeed runs the control plane of a seed, once.
func (c *Cluster) runSeed(ctx context.Context) error {
	node := &c.Nodes[0]
	snapshots, err := prepareNode(node)
	if err != nil {
		return fmt.Errorf("prepare the seed: %w", err)
	}
	if err := writeBundle(node.Name, c.nodeSpec(node, snapshots)); err != nil {
		return err
	}
	return runContainer(ctx, node.Name)
}

// keep runs a container and starts it again when it ends, until ctx does.
func keep(ctx context.Context, name string, spec *specs.Spec, board *board, log *slog.Logger) error {
	if err := writeBundle(name, spec); err != nil {
		return err
	}
	return restart(ctx, name, board, log, func(ctx context.Context) error {
		if board.restarts(name) > 0 { // runc may still have the one that ended
			cleanup, cancel := context.WithTimeout(ctx, stopWithin)
			defer cancel()
			_ = exec.CommandContext(cleanup, runcProgram, "--root", runcRoot, "delete", "--force", name).Run()
		}
		return runContainer(ctx, name)
	})
}

const bundles = "/run/bundles/"

// writeBundle writes what runc needs of the container.
func writeBundle(name string, spec *specs.Spec) error {
	if err := os.MkdirAll(bundles+name, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(bundles+name+"/config.json", text, 0o600)
}

// runContainer runs the container until it ends; when ctx does, it is asked to.
func runContainer(ctx context.Context, name string) error {
	cmd := exec.CommandContext(ctx, runcProgram, "--root", runcRoot, "run", "--bundle", bundles+name, name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * stopWithin // its own parts get once
	return cmd.Run()
}

// stopWithin is how long a component may take to end before it is killed.
const stopWithin = 10 * time.Second

// prepareNode makes the folders of a node and mounts its file system: the pack's,
// which stays as it is, under a layer of the node's own. It returns the unpacked
// images that containerd is lent.
func prepareNode(n *Node) ([]string, error) {
	folder := nodeFolder(n.Name)
	for _, sub := range []string{"root", "upper", "work", "kubernetes", "kubelet", "containerd", "log", "cni", "storage", "kubernetes/manifests"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil {
			return nil, err
		}
	}
	if n.Control {
		if err := os.MkdirAll(ClusterDir+"/"+EtcdFolder, 0o700); err != nil {
			return nil, err
		}
	}
	options := fmt.Sprintf("lowerdir=%s/node,upperdir=%s/upper,workdir=%[2]s/work,userxattr", PackDir, folder)
	if err := unix.Mount("overlay", folder+"/root", "overlay", 0, options); err != nil {
		return nil, fmt.Errorf("mount the node's file system: %w", err)
	}
	return lendImages(folder + "/containerd")
}

// lendImages gives a containerd that was never started the state that the pack's
// had after it unpacked every image, and returns the names of the unpacked
// layers. Their folders are mounted in, not copied.
func lendImages(to string) ([]string, error) {
	entries, err := os.ReadDir(packContainerd + snapshotsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		if err := os.MkdirAll(filepath.Join(to, snapshotsDir, entry.Name()), 0o755); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(to + metadataFile); err == nil {
		return names, nil // it was started before
	}
	return names, filepath.WalkDir(packContainerd, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(packContainerd, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case entry.IsDir() && path+"/" == packContainerd+snapshotsDir:
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}

// EtcdFolder, in the cluster's folder, is the database: a seed leaves it, and a
// new cluster finds it there.
const EtcdFolder = "etcd"

const metadataFile = "/io.containerd.metadata.v1.bolt/meta.db"

// leaveRootCgroup moves this process and its parent out of the way: with cgroup
// v2 a group that has processes of its own cannot hand controllers to others.
func leaveRootCgroup() error {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err != nil {
		return nil // v1 knows no such rule
	}
	leaf := root + "/init"
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	for _, pid := range []string{"1", "0"} { // 0 is who writes
		if err := os.WriteFile(leaf+"/cgroup.procs", []byte(pid), 0); err != nil {
			return fmt.Errorf("move process %s to its own control group: %w", pid, err)
		}
	}
	controllers, err := os.ReadFile(root + "/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(root+"/cgroup.subtree_control", []byte("+"+name), 0); err != nil {
			return fmt.Errorf("hand on the controller %s: %w", name, err)
		}
	}
	return nil
}
