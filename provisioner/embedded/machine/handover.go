package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The nodes hand things to each other in a folder that all of them can write to: the
// control plane lays the credentials of the other nodes there, and each node has a
// socket there. The outermost process binds the folder and opens nothing in it.

// handover is the folder in it of the node called name, as all nodes see it.
func handover(name string) string { return filepath.Join(nodeHandover, name) }

// credentials are what the control plane makes for a node, in the order in which they
// are taken: the kubelet waits for the last one.
var credentials = []string{"pki/ca.crt", "pki/kubelet.crt", "pki/kubelet.key", "kube-proxy.conf", "kubelet.conf"}

// takeCredentials copies a node's credentials from the folder from, where the control
// plane lays the last of them last, to the folder to. Those of an earlier start stay.
// It blocks until they are there or ctx ends.
func takeCredentials(ctx context.Context, from, to string) error {
	last := credentials[len(credentials)-1]
	if _, err := os.Stat(filepath.Join(to, last)); err == nil {
		return nil
	}
	if err := fileIsThere(filepath.Join(from, last))(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for _, name := range credentials {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("take the node's credentials: %w", err)
		}
	}
	return nil
}

// writeNames writes the node's /etc/hosts and /etc/resolv.conf. They are files of the
// node's own, which a pod may have mounted.
func (c *Cluster) writeNames() error {
	return errors.Join(
		os.WriteFile("/etc/hosts", c.Hosts(), 0o644),
		os.WriteFile("/etc/resolv.conf", c.Resolv(), 0o644),
	)
}

// Hosts is /etc/hosts of nodes and workstation.
func (c *Cluster) Hosts() []byte {
	hosts := "127.0.0.1 localhost\n::1 localhost ip6-localhost\n" + c.Workstation.String() + " workstation\n"
	for _, node := range c.Nodes {
		hosts += node.Address.String() + " " + node.Name + "\n"
	}
	return []byte(hosts)
}

// Resolv is /etc/resolv.conf of nodes and workstation.
func (c *Cluster) Resolv() []byte {
	return []byte("# There is no network beyond the cluster's and no server at this address: names from\n" +
		"# outside fail at once.\nnameserver " + c.Gateway.String() + "\n")
}

const (
	snapshotsDir = "/io.containerd.snapshotter.v1.overlayfs/snapshots/"
	metadataFile = "/io.containerd.metadata.v1.bolt/meta.db"
)

// shareImages gives a containerd that keeps its state in the folder to what the pack's
// had after it unpacked every image. The unpacked layers are mounted there, not
// copied; the rest is copied unless containerd was started before.
func shareImages(to string) error {
	layers, err := os.ReadDir(nodeImages + snapshotsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(to + metadataFile); err != nil {
		if err := copyState(nodeImages, to); err != nil {
			return err
		}
	}
	for _, layer := range layers {
		target := filepath.Join(to, snapshotsDir, layer.Name())
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		// Read-only like the image that it comes from.
		if err := unix.Mount(nodeImages+snapshotsDir+layer.Name(), target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount the unpacked layer %s: %w", layer.Name(), err)
		}
	}
	return nil
}

// copyState copies a containerd's state but for its unpacked layers. The file whose
// presence says that it was done comes last.
func copyState(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case entry.IsDir() && path+"/" == from+snapshotsDir:
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case !entry.Type().IsRegular() || path == from+metadataFile:
			return nil
		}
		return copyFile(path, target)
	})
	if err != nil {
		return err
	}
	return copyFile(from+metadataFile, to+metadataFile)
}

// copyFile copies a file in one step: the target is whole, or not there.
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := writeFile(to+".partial", text); err != nil {
		return err
	}
	return os.Rename(to+".partial", to)
}
