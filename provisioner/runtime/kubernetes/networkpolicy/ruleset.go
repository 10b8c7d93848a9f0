package networkpolicy

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Ruleset says what may reach the pods of one node, and what they may reach.
// The zero Ruleset lets everything pass.
type Ruleset struct {
	Ingress, Egress Direction

	// Unknown are ranges of the node's pods: an address in them that neither
	// direction knows is cut off, for it is a pod whose policies are not known yet.
	Unknown []netip.Prefix
}

// Direction is one of the two independent halves of a Ruleset.
type Direction struct {
	// Pods are the node's pods by address, with the sorted names of the policies that
	// isolate each. A pod that none isolates lets everything pass.
	Pods map[netip.Addr][]string
	// Policies are the rules of those policies: what they allow.
	Policies map[string][]Rule
}

// Rule allows packets between the pod and Peers, to Ports: each nil allows all.
type Rule struct {
	Peers *Peers
	Ports *Ports
}

// Compute gives the rules for the node of s. It is a function of s alone, and
// equal snapshots, in whatever order, give equal rulesets.
func Compute(s Snapshot) Ruleset {
	var r Ruleset
	if len(s.Policies) == 0 {
		return r
	}
	pods := s.pods()
	r.Ingress = s.direction(networkingv1.PolicyTypeIngress, pods)
	r.Egress = s.direction(networkingv1.PolicyTypeEgress, pods)
	r.Unknown = s.PodCIDRs
	return r
}

func (s Snapshot) direction(of networkingv1.PolicyType, pods []pod) Direction {
	d := Direction{Pods: map[netip.Addr][]string{}, Policies: map[string][]Rule{}}
	for _, p := range pods {
		if !p.local {
			continue
		}
		for _, addr := range p.addrs {
			d.Pods[addr] = nil // known
		}
	}
	for _, policy := range s.Policies {
		if !slices.Contains(policyTypes(policy), of) {
			continue
		}
		selects, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			continue // the API server refuses these
		}
		name := policy.Namespace + "/" + policy.Name
		for _, p := range pods {
			if !p.local || p.namespace != policy.Namespace || !selects.Matches(p.labels) {
				continue
			}
			for _, addr := range p.addrs {
				d.Pods[addr] = append(d.Pods[addr], name)
			}
			if d.Policies[name] == nil {
				d.Policies[name] = s.rules(policy, of, pods)
			}
		}
	}
	for addr, names := range d.Pods {
		slices.Sort(names)
		d.Pods[addr] = slices.Compact(names) // two pods can claim one address for a moment
	}
	return d
}

// rules is never nil.
func (s Snapshot) rules(policy *networkingv1.NetworkPolicy, of networkingv1.PolicyType, pods []pod) []Rule {
	rules := []Rule{}
	if of == networkingv1.PolicyTypeIngress {
		for _, r := range policy.Spec.Ingress {
			rules = append(rules, Rule{Peers: s.peers(policy.Namespace, r.From, pods), Ports: ports(r.Ports, pods)})
		}
		return rules
	}
	for _, r := range policy.Spec.Egress {
		rules = append(rules, Rule{Peers: s.peers(policy.Namespace, r.To, pods), Ports: ports(r.Ports, pods)})
	}
	return rules
}

// policyTypes are the policy's, or their default: always Ingress, and Egress if
// the policy has rules for it.
func policyTypes(policy *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(policy.Spec.PolicyTypes) > 0 {
		return policy.Spec.PolicyTypes
	}
	if len(policy.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// sortedKeys are the keys of m, in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
