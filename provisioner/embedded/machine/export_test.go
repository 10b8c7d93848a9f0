package machine

import (
	"io"
	"net/http"
)

// What the tests need to see from inside.
var (
	Relay      = relay
	Restart    = restart
	UnlessFile = unlessFile
	NewBoard   = newBoard

	ResourcesAt = resourcesAt
)

// Registry answers for the images whose blobs are in the folder.
func Registry(images []Image, blobs string) http.Handler { return registry{images, blobs} }

// Templates renders every configuration file of a node.
func Templates(c *Cluster, n *Node, cgroupV1 bool) (map[string]string, error) {
	shares, err := Divide(Resources{Memory: 4 << 30}, len(c.Nodes))
	if err != nil {
		return nil, err
	}
	share := shares.of(n)
	out := map[string]string{}
	for _, name := range []string{"containerd.toml", "kubelet.yaml", "kube-proxy.yaml", "pods.conflist", "kubeadm.yaml", "hosts.toml"} {
		text, err := render(name, nodeConfig{Cluster: c, Node: n, CgroupV1: cgroupV1, DNSTag: "v1", Sandbox: "pause:1", Share: share})
		if err != nil {
			return nil, err
		}
		out[name] = string(text)
	}
	return out, nil
}

// TakeCredentials copies a node's credentials once all of them are there.
var TakeCredentials = takeCredentials

// LastLine passes on what is written to it, and keeps the last line.
func LastLine(to io.WriteCloser) (w io.Writer, text func() string) {
	l := &lastLine{to: to}
	return l, l.text
}

// CopyState copies a containerd's state but for its unpacked layers, of which
// snapshots names the folder.
func CopyState(from, to string) (snapshots string, err error) {
	return snapshotsDir, copyState(from, to)
}

// UserLimits are the settings under /proc/sys/user of a cluster with so many nodes.
var UserLimits = userLimits
