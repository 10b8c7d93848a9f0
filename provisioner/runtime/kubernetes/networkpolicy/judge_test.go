package networkpolicy_test

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// judge is the documentation of NetworkPolicySpec, as one question about one
// packet.
func (w *world) judge(policies []*networkingv1.NetworkPolicy, from, to *corev1.Pod, p packet) bool {
	if from == to {
		return true
	}
	isolated := map[networkingv1.PolicyType]bool{}
	allowed := map[networkingv1.PolicyType]bool{}
	for _, policy := range policies {
		types := policy.Spec.PolicyTypes
		if len(types) == 0 {
			types = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(policy.Spec.Egress) > 0 {
				types = append(types, networkingv1.PolicyTypeEgress)
			}
		}
		if slices.Contains(types, networkingv1.PolicyTypeIngress) && w.subject(policy, to) {
			isolated[networkingv1.PolicyTypeIngress] = true
			for _, rule := range policy.Spec.Ingress {
				if w.peer(policy.Namespace, rule.From, from, p.from) && port(rule.Ports, to, p) {
					allowed[networkingv1.PolicyTypeIngress] = true
				}
			}
		}
		if slices.Contains(types, networkingv1.PolicyTypeEgress) && w.subject(policy, from) {
			isolated[networkingv1.PolicyTypeEgress] = true
			for _, rule := range policy.Spec.Egress {
				if w.peer(policy.Namespace, rule.To, to, p.to) && port(rule.Ports, to, p) {
					allowed[networkingv1.PolicyTypeEgress] = true
				}
			}
		}
	}
	for of := range isolated {
		if !allowed[of] {
			return false
		}
	}
	return true
}

func (w *world) subject(policy *networkingv1.NetworkPolicy, pod *corev1.Pod) bool {
	return !pod.Spec.HostNetwork && policy.Namespace == pod.Namespace && selects(&policy.Spec.PodSelector, pod.Labels)
}

func selects(s *metav1.LabelSelector, l map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(l))
}

func (w *world) peer(namespace string, peers []networkingv1.NetworkPolicyPeer, pod *corev1.Pod, addr netip.Addr) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		if b := peer.IPBlock; b != nil {
			return netip.MustParsePrefix(b.CIDR).Contains(addr) && !slices.ContainsFunc(b.Except, func(x string) bool {
				return netip.MustParsePrefix(x).Contains(addr)
			})
		}
		if pod.Spec.HostNetwork {
			return false
		}
		if peer.NamespaceSelector == nil {
			return pod.Namespace == namespace && selects(peer.PodSelector, pod.Labels)
		}
		return selects(peer.NamespaceSelector, w.namespaces[pod.Namespace]) && (peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels))
	})
}

func port(ports []networkingv1.NetworkPolicyPort, to *corev1.Pod, p packet) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(of networkingv1.NetworkPolicyPort) bool {
		protocol := corev1.ProtocolTCP
		if of.Protocol != nil {
			protocol = *of.Protocol
		}
		switch {
		case protocol != p.protocol:
			return false
		case of.Port == nil:
			return true
		case of.Port.Type == intstr.String:
			return !to.Spec.HostNetwork && slices.ContainsFunc(to.Spec.Containers[0].Ports, func(c corev1.ContainerPort) bool {
				return c.Name == of.Port.StrVal && c.Protocol == protocol && c.ContainerPort == int32(p.port)
			})
		case of.EndPort == nil:
			return of.Port.IntVal == int32(p.port)
		}
		return of.Port.IntVal <= int32(p.port) && int32(p.port) <= *of.EndPort
	})
}
