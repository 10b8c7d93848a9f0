package networkpolicy

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Ports are the ports that a rule allows, of the side that is connected to.
type Ports struct {
	Numbers []PortRange // sorted and apart
	Named   []Endpoint  // every pod's ports of the names that the rule gives, sorted
}

// PortRange is a range of ports of one protocol, both ends included; 0 to 65535 is
// all of the protocol.
type PortRange struct {
	Protocol corev1.Protocol
	From, To uint16
}

// Endpoint is one port of one pod.
type Endpoint struct {
	Addr     netip.Addr
	Protocol corev1.Protocol
	Port     uint16
}

// ports resolves the ports of a rule. It is nil for an empty list, which allows
// every port, and every protocol.
func ports(list []networkingv1.NetworkPolicyPort, pods []pod) *Ports {
	if len(list) == 0 {
		return nil
	}
	var all Ports
	for _, p := range list {
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		switch {
		case p.Port == nil:
			all.Numbers = append(all.Numbers, PortRange{protocol, 0, 65535})
		case p.Port.Type == intstr.String:
			all.Named = append(all.Named, named(p.Port.StrVal, protocol, pods)...)
		default:
			r := PortRange{protocol, uint16(p.Port.IntVal), uint16(p.Port.IntVal)}
			if p.EndPort != nil {
				r.To = uint16(*p.EndPort)
			}
			if r.From <= r.To {
				all.Numbers = append(all.Numbers, r)
			}
		}
	}
	all.Numbers = mergePorts(all.Numbers)
	slices.SortFunc(all.Named, func(a, b Endpoint) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	all.Named = slices.Compact(all.Named)
	return &all
}

func named(name string, protocol corev1.Protocol, pods []pod) []Endpoint {
	var all []Endpoint
	for _, p := range pods {
		for _, port := range p.ports {
			if port.Name != name || cmp.Or(port.Protocol, corev1.ProtocolTCP) != protocol {
				continue
			}
			for _, addr := range p.addrs {
				all = append(all, Endpoint{addr, protocol, uint16(port.ContainerPort)})
			}
		}
	}
	return all
}

// mergePorts sorts ranges and joins those that touch: nftables refuses a set whose
// ranges overlap.
func mergePorts(list []PortRange) []PortRange {
	slices.SortFunc(list, func(a, b PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	var merged []PortRange
	for _, r := range list {
		if n := len(merged); n > 0 && merged[n-1].Protocol == r.Protocol && int(r.From) <= int(merged[n-1].To)+1 {
			merged[n-1].To = max(merged[n-1].To, r.To)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}
