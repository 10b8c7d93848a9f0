package networkpolicy

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	netutils "k8s.io/utils/net"
)

// Snapshot is the state of the cluster that a node's rules follow from.
type Snapshot struct {
	NodeName   string
	Pods       []*corev1.Pod // of the whole cluster
	Namespaces map[string]labels.Set
	Policies   []*networkingv1.NetworkPolicy

	// Sandboxes are the addresses that the node's CNI plugins have given, by pod.
	// They are known before a pod's containers start; its status is not.
	Sandboxes map[types.NamespacedName][]netip.Addr
	// PodCIDRs are the ranges of the node's pods. If set, an address in them that
	// belongs to no known pod is cut off while there are policies.
	PodCIDRs []netip.Prefix
}

// pod is what rules ask of a pod.
type pod struct {
	namespace string
	labels    labels.Set
	addrs     []netip.Addr
	local     bool // on this node
	ports     []corev1.ContainerPort
}

// pods are those that policies apply to: with an address of their own, and not
// finished. A pod on the node's network is the node, as far as packets can tell.
func (s Snapshot) pods() []pod {
	var all []pod
	for _, p := range s.Pods {
		if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		one := pod{namespace: p.Namespace, labels: p.Labels, ports: containerPorts(p)}
		one.local = p.Spec.NodeName != "" && p.Spec.NodeName == s.NodeName
		if one.local {
			one.addrs = s.Sandboxes[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}]
		}
		if len(one.addrs) == 0 {
			one.addrs = statusAddrs(p)
		}
		if len(one.addrs) > 0 {
			all = append(all, one)
		}
	}
	return all
}

func statusAddrs(p *corev1.Pod) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range p.Status.PodIPs {
		addrs = appendAddr(addrs, ip.IP)
	}
	return appendAddr(addrs, p.Status.PodIP)
}

// appendAddr adds an address as the API writes it, once.
func appendAddr(addrs []netip.Addr, text string) []netip.Addr {
	addr, ok := netip.AddrFromSlice(netutils.ParseIPSloppy(text))
	if !ok || slices.Contains(addrs, addr.Unmap()) {
		return addrs
	}
	return append(addrs, addr.Unmap())
}

// containerPorts are the ports of everything that runs as long as the pod does:
// containers, and init containers that are restarted.
func containerPorts(p *corev1.Pod) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, c := range p.Spec.Containers {
		ports = append(ports, c.Ports...)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			ports = append(ports, c.Ports...)
		}
	}
	return ports
}
