package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// RunCluster lays the network, runs the nodes and the workstation and connects
// the sockets that it was started with, until ctx ends. A node that dies is
// started again. It is the program's part cluster.
func RunCluster(ctx context.Context, log *slog.Logger) (err error) {
	_ = os.Remove(filepath.Join(ClusterDir, EndFile)) // of an earlier start
	defer func() { leaveEnd(err) }()
	c, err := readCluster(ClusterDir + "/" + DescriptionFile)
	if err != nil {
		return err
	}
	if c.Trial {
		return c.trial(ctx)
	}
	if err := leaveRootCgroup(); err != nil {
		return err
	}
	if err := setLimits(len(c.Nodes)); err != nil {
		return err
	}
	if err := c.share(); err != nil {
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
			root, err := prepareNode(n)
			if err != nil {
				return fmt.Errorf("prepare node %s: %w", n.Name, err)
			}
			node := container{name: n.Name, spec: c.nodeSpec(n, root)}
			return c.keepNode(ctx, n, board, func(ctx context.Context) error { return node.keep(ctx, board, log) })
		})
	}
	g.Go(func() error {
		workstation := container{name: workstationName, spec: c.workstationSpec(), files: agentListener}
		return workstation.keep(ctx, board, log)
	})
	g.Go(func() error {
		return serveSocket(ctx, fdAPI, "api", "tcp", c.APIServer().String(), log)
	})
	g.Go(func() error { return serveSocket(ctx, fdAgent, "agent", "unix", agentSocket, log) })
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

// agentSocket leads to the workstation's agent. It lies where only the outermost
// process can reach it; the agent is handed the listener.
const agentSocket = "/run/agent.sock"

// agentListener returns the listener for an agent that is about to start. agentSocket
// refuses connections once all processes that hold it have ended.
func agentListener() ([]*os.File, error) {
	if err := os.Remove(agentSocket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: agentSocket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for the agent: %w", err)
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	file, err := listener.File()
	if err != nil {
		return nil, err
	}
	return []*os.File{file}, nil
}

// runSeed runs the control plane of a seed, once.
func (c *Cluster) runSeed(ctx context.Context) error {
	node := &c.Nodes[0]
	root, err := prepareNode(node)
	if err != nil {
		return fmt.Errorf("prepare the seed: %w", err)
	}
	return container{name: node.Name, spec: c.nodeSpec(node, root)}.run(ctx)
}

// prepareNode makes the folders of a node and mounts its file system, which it
// returns: the pack's, which stays as it is, under a layer of the node's own. What
// the node can write to lies in folders of a folder that it does not see.
func prepareNode(n *Node) (root string, err error) {
	folder := nodeFolder(n.Name)
	root = nodeRoot(n.Name)
	for _, dir := range []string{folder, folder + "/work", root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	for _, dir := range append(nodeFolders(folder), ClusterDir+"/"+HandoverFolder) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		if err := os.Lchown(dir, NodeIDs, NodeIDs); err != nil {
			return "", err
		}
	}
	options := fmt.Sprintf("lowerdir=%s/node,upperdir=%s/upper,workdir=%[2]s/work,userxattr", PackDir, folder)
	if err := unix.Mount("overlay", root, "overlay", 0, options); err != nil {
		return "", fmt.Errorf("mount the node's file system: %w", err)
	}
	return root, nil
}

// nodeRoot is where a node's file system is mounted: all folders above let the node's
// root pass, as runc needs.
func nodeRoot(name string) string { return "/run/nodes/" + name }

// nodeFolders are those in a node's folder that belong to the node.
func nodeFolders(folder string) []string {
	var all []string
	for _, name := range []string{"upper", "kubernetes", "kubelet", "containerd", "log", "cni", "storage"} {
		all = append(all, filepath.Join(folder, name))
	}
	return all
}
