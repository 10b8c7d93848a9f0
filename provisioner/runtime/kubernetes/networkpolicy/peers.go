package networkpolicy

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Peers are the other sides that a rule allows.
type Peers struct {
	Pods   []netip.Addr // of the pods that its selectors choose, sorted
	Blocks []Block      // of its ipBlocks, without their exceptions, sorted and apart
}

// peers resolves what a rule of a policy in namespace names. It is nil for an
// empty list, which allows everyone.
func (s Snapshot) peers(namespace string, list []networkingv1.NetworkPolicyPeer, pods []pod) *Peers {
	if len(list) == 0 {
		return nil
	}
	var all Peers
	for _, peer := range list {
		if peer.IPBlock != nil {
			all.Blocks = append(all.Blocks, blocks(*peer.IPBlock)...)
			continue
		}
		chosen, err := s.selects(namespace, peer)
		if err != nil {
			continue // the API server refuses these
		}
		for _, p := range pods {
			if chosen(p) {
				all.Pods = append(all.Pods, p.addrs...)
			}
		}
	}
	slices.SortFunc(all.Pods, netip.Addr.Compare)
	all.Pods = slices.Compact(all.Pods)
	all.Blocks = merge(all.Blocks)
	return &all
}

// selects tells which pods a peer's selectors choose: those of the policy's own
// namespace, unless there is a selector for namespaces, then those of all that it
// matches; and of them those whose labels match, or all.
func (s Snapshot) selects(namespace string, peer networkingv1.NetworkPolicyPeer) (func(pod) bool, error) {
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return func(pod) bool { return false }, nil
	}
	podLabels := labels.Everything()
	if peer.PodSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(peer.PodSelector)
		if err != nil {
			return nil, err
		}
		podLabels = selector
	}
	if peer.NamespaceSelector == nil {
		return func(p pod) bool { return p.namespace == namespace && podLabels.Matches(p.labels) }, nil
	}
	namespaceLabels, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	if err != nil {
		return nil, err
	}
	return func(p pod) bool {
		of, known := s.Namespaces[p.namespace]
		return known && namespaceLabels.Matches(of) && podLabels.Matches(p.labels)
	}, nil
}
