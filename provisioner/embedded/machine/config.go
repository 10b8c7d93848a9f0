package machine

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"text/template"
)

// templates are the components' configuration files.
//
//go:embed templates/*
var templates embed.FS

// nodeConfig is what the templates are given.
type nodeConfig struct {
	*Cluster
	Node     *Node
	CgroupV1 bool
	DNSTag   string // of the CoreDNS image that the pack holds
	Sandbox  string // the pack's image of a pod's first process
	Share    Share  // the node's, of the cluster's memory
}

// writeNodeConfig writes the configuration of the node's components.
func writeNodeConfig(c *Cluster, n *Node, shares Shares) error {
	config := nodeConfig{Cluster: c, Node: n, CgroupV1: !cgroupV2(), DNSTag: c.Images.DNSTag, Sandbox: c.Images.Sandbox, Share: shares.of(n)}
	files := map[string]string{
		containerdConfig: "containerd.toml",
		registryConfig:   "hosts.toml",
		kubeletConfig:    "kubelet.yaml",
		proxyConfig:      "kube-proxy.yaml",
		networkConfig:    "pods.conflist",
	}
	if n.Control {
		files[kubeadmConfig] = "kubeadm.yaml"
		if err := writeControlConfig(c, shares); err != nil {
			return err
		}
	}
	for path, name := range files {
		text, err := render(name, config)
		if err != nil {
			return err
		}
		if err := writeFile(path, text); err != nil {
			return err
		}
	}
	return nil
}

const kubeadmConfig = "/etc/kubernetes/kubeadm.yaml"

// writeControlConfig writes what the program control-plane reads; its shape is
// that of type controlPlane in provisioner/runtime/kubernetes.
func writeControlConfig(c *Cluster, shares Shares) error {
	type node struct {
		Name     string       `json:"name"`
		Address  netip.Addr   `json:"address"`
		Pods     netip.Prefix `json:"pods"`
		Folder   string       `json:"folder"`
		Activity string       `json:"activity"`

		Memory      int64 `json:"memory"`
		Allocatable int64 `json:"allocatable"`
		CPUs        int64 `json:"cpus"`
	}
	config := struct {
		Kubeadm  string       `json:"kubeadm"`
		Balanced netip.Prefix `json:"balanced"`
		Nodes    []node       `json:"nodes"`
		Seed     bool         `json:"seed"`
	}{Kubeadm: kubeadmConfig, Balanced: c.Balanced, Seed: c.Seed}
	for _, n := range c.Nodes {
		if c.Seed {
			break // their objects hold what is a cluster's own
		}
		folder := handover(n.Name)
		if n.Control {
			folder = kubernetesDir
		}
		share := shares.of(&n)
		config.Nodes = append(config.Nodes, node{n.Name, n.Address, n.Pods, folder, activitySocket(n.Name),
			share.Memory, share.Allocatable(), shares.CPUs})
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return writeFile(controlConfig, text)
}

func render(name string, config nodeConfig) ([]byte, error) {
	parsed, err := template.ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, config); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out.Bytes(), nil
}

// writeFile writes a file and the folders above it.
func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
