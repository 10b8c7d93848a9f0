package pack

import (
	"context"
	"path/filepath"
	"slices"
)

// nodePackages are a node's: what kubelet, kube-proxy, containerd, CNI plugins
// and kubeadm call, and what a person looks around with.
var nodePackages = append(slices.Clone(basePackages),
	"util-linux", "mount", "iproute2", "iptables", "nftables", "conntrack", "ethtool", "kmod", "procps", "socat", "ca-certificates",
	"gawk", "diffutils", "tar", "gzip", "curl", "less", "iputils-ping", "vim-tiny", "ncurses-bin")

// kubernetesNames are what the one program of all components is called by.
var kubernetesNames = []string{"kubectl", "kubelet", "kubeadm", "kube-proxy", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}

var nodePrograms = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "crictl"}

var cniPlugins = []string{"bridge", "firewall", "host-local", "loopback", "portmap", "ptp"}

// node makes the root file system of a node. The programs lie in the folders of
// their steps.
func (s *debSet) node(ctx context.Context, kubernetes, programs string) (*tree, []Package, error) {
	t, packages, err := s.system(ctx, nodePackages, []string{"openssl"})
	if err != nil {
		return nil, nil, err
	}
	t.kubernetes(filepath.Join(kubernetes, "kubernetes"))
	for _, name := range nodePrograms {
		t.copy("usr/local/bin/"+name, filepath.Join(programs, name), 0o755)
	}
	for _, name := range cniPlugins {
		t.copy("opt/cni/bin/"+name, filepath.Join(programs, name), 0o755)
	}
	for _, dir := range []string{"var/lib/kubelet", "var/lib/containerd", "var/lib/cni", "etc/kubernetes/manifests", "etc/cni/net.d", "etc/containerd"} {
		t.folder(dir, 0o755)
	}
	t.folder("var/lib/etcd", 0o700)
	t.text("etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: unix:///run/containerd/containerd.sock\n", 0o644)
	return t, packages, nil
}

// kubernetes adds the program of all components under each of their names.
func (t *tree) kubernetes(program string) {
	t.copy("usr/local/bin/kubernetes", program, 0o755)
	for _, name := range kubernetesNames {
		t.link("usr/local/bin/"+name, "kubernetes")
	}
}
