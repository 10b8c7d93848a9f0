// Package machine is what runs inside an embedded cluster: the first process of
// the cluster, which lays the network and starts the nodes and the workstation,
// and the first process of each node, which starts Kubernetes' components and
// starts them again when they die. Its program is in the folder cmd. It knows
// the paths inside the cluster and nothing of the host's.
package machine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
)

// Where things are inside the cluster's outermost container. No node and no
// workstation sees a folder that one of these lies in, so none of them can rename
// what the outermost process opens by its path.
const (
	PackDir    = "/pack"    // the runtime pack's image, read-only
	ClusterDir = "/cluster" // the cluster's own disk
	EtcdDir    = "/etcd"    // the disk of its database; a seed leaves it, and a new cluster finds it there
)

// What lies in ClusterDir, beside the nodes' folders.
const (
	ProgramFile     = "bin/wheelhouse-machine" // this program
	AgentFile       = "bin/wheelhouse-agent"   // the workstation's first program
	DescriptionFile = "cluster.json"           // a Cluster
	HostsFile       = "hosts"                  // /etc/hosts of nodes and workstation
	ResolvFile      = "resolv.conf"            // their /etc/resolv.conf
	HandoverFolder  = "handover"               // what the nodes hand to each other; theirs to write
)

// Program is this program in the outermost container.
const Program = ClusterDir + "/" + ProgramFile

// Ids of a cluster. The outermost process has the first half; nodes and workstation,
// in user namespaces of their own, have the second. What belongs to the outermost
// process belongs to no id that a node has.
const (
	IDCount = 2 * NodeIDs
	NodeIDs = 1 << 16 // the first id of the nodes, and how many they have: Kubernetes needs 65534, the user nobody
)

// File descriptors that the cluster's first process is started with: sockets
// that listen on the host, so that the host reaches a network that has no way in.
const (
	fdAPI   = 3 // TCP: the API server
	fdAgent = 4 // Unix: the agent on the workstation
	Sockets = 2 // how many
)

// Cluster describes a cluster to its own processes. It is the file cluster.json
// of the cluster's folder.
type Cluster struct {
	Name        string       `json:"name"`
	Kubernetes  string       `json:"kubernetes"`  // version: v1.36.3
	LAN         netip.Prefix `json:"lan"`         // the nodes' network
	Gateway     netip.Addr   `json:"gateway"`     // the cluster's first process, on the LAN
	Pods        netip.Prefix `json:"pods"`        // of all nodes
	Services    netip.Prefix `json:"services"`    // virtual addresses of services
	DNS         netip.Addr   `json:"dns"`         // the cluster's DNS service
	Balanced    netip.Prefix `json:"balanced"`    // of services of the type LoadBalancer
	Workstation netip.Addr   `json:"workstation"` // on the LAN
	Nodes       []Node       `json:"nodes"`       // the control plane first
	Images      Images       `json:"images"`

	// Seed: it is no cluster to work on. Its control plane runs until the database
	// holds what every new cluster has, and then everything ends.
	Seed bool `json:"seed,omitempty"`

	// Trial: it is no cluster at all. What the machine allows is tried, and everything
	// ends.
	Trial bool `json:"trial,omitempty"`

	// What its control group is limited to, and how that is divided: set by share.
	resources Resources
	shares    Shares
}

// Images are the pack's, and which of them components are configured with.
type Images struct {
	DNSTag  string `json:"dnsTag"`  // of registry.k8s.io/coredns/coredns
	Sandbox string `json:"sandbox"` // holds a pod's namespaces: registry.k8s.io/pause:…

	Known []Image `json:"known"` // all of them
}

// Image is one image of the pack.
type Image struct {
	Ref    string `json:"ref"`    // docker.io/library/nginx:1.27
	Digest string `json:"digest"` // of its manifest: sha256:…
}

// Node is one node of a cluster.
type Node struct {
	Name    string       `json:"name"`
	Address netip.Addr   `json:"address"` // on the LAN
	Pods    netip.Prefix `json:"pods"`    // of this node
	Control bool         `json:"control"` // it runs the control plane
}

// Plan describes a cluster of one control plane and some workers. Every cluster
// has the same addresses: no cluster sees another's network, nor the host's.
func Plan(name, kubernetes string, workers int) (Cluster, error) {
	const most = 200 // what the LAN has addresses for
	if workers < 0 || workers >= most {
		return Cluster{}, fmt.Errorf("%d worker nodes: want between 0 and %d", workers, most-1)
	}
	c := Cluster{
		Name:        name,
		Kubernetes:  kubernetes,
		LAN:         netip.MustParsePrefix("172.30.0.0/24"),
		Gateway:     netip.MustParseAddr("172.30.0.1"),
		Pods:        netip.MustParsePrefix("10.244.0.0/16"),
		Services:    netip.MustParsePrefix("10.96.0.0/16"),
		DNS:         netip.MustParseAddr("10.96.0.10"),
		Balanced:    netip.MustParsePrefix("172.30.255.0/24"),
		Workstation: netip.MustParseAddr("172.30.0.254"),
	}
	for i := range workers + 1 {
		node := Node{
			Name:    fmt.Sprintf("worker-%d", i),
			Address: netip.AddrFrom4([4]byte{172, 30, 0, byte(2 + i)}),
			Pods:    netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, byte(i), 0}), 24),
		}
		if i == 0 {
			node.Name, node.Control = "control-plane", true
		}
		c.Nodes = append(c.Nodes, node)
	}
	return c, nil
}

// APIServer is the address of the API server on the LAN.
func (c *Cluster) APIServer() netip.AddrPort {
	return netip.AddrPortFrom(c.Nodes[0].Address, apiPort)
}

const apiPort = 6443

// node returns the node called name.
func (c *Cluster) node(name string) (*Node, error) {
	for i := range c.Nodes {
		if c.Nodes[i].Name == name {
			return &c.Nodes[i], nil
		}
	}
	return nil, fmt.Errorf("cluster %s has no node %s", c.Name, name)
}

// readCluster reads the description at path, in the outermost container or in a node.
func readCluster(path string) (*Cluster, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c Cluster
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(c.Nodes) == 0 {
		return nil, fmt.Errorf("%s: the cluster has no nodes", path)
	}
	return &c, nil
}
