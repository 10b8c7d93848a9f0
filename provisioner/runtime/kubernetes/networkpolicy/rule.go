package networkpolicy

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// rule makes the nft rules of one Rule, and their sets, whose names start with
// name: one nft rule for each way to match the peer with each way to match the
// port. It is one of at most two ways for peers (by pod, by block) in each family,
// and four for ports (by number for each protocol, by name).
func (t *table) rule(h half, name string, r Rule) []string {
	if r.Peers == nil && (r.Ports == nil || len(r.Ports.Named) == 0) {
		return combine([]string{""}, numbers(r.Ports))
	}
	var rules []string
	for i := range families {
		peers := t.peers(h, i, name, r.Peers)
		rules = append(rules, combine(peers, t.ports(i, name, r.Ports))...)
	}
	return rules
}

// combine gives the rules that accept what matches one of peers and one of ports.
func combine(peers, ports []string) []string {
	var rules []string
	for _, peer := range peers {
		for _, port := range ports {
			rules = append(rules, strings.Join(strings.Fields(peer+" "+port+" accept"), " "))
		}
	}
	return rules
}

// peers are the matches for the peers of a family.
func (t *table) peers(h half, family int, name string, p *Peers) []string {
	f := families[family]
	if p == nil {
		return []string{"meta nfproto " + nfproto(f.match)}
	}
	var matches []string
	pods := set{of: f.of, elements: map[string]string{}}
	for _, addr := range p.Pods {
		if addr.BitLen() == f.bits {
			pods.elements[addr.String()] = ""
		}
	}
	if len(pods.elements) > 0 {
		t.sets[name+"-pods"+f.number] = pods
		matches = append(matches, fmt.Sprintf("%s %s @%s-pods%s", f.match, h.peer, name, f.number))
	}
	var blocks []string
	for _, b := range p.Blocks {
		switch {
		case b.From.BitLen() != f.bits:
		case b.From.IsUnspecified() && !b.To.Next().IsValid():
			return append(matches, "meta nfproto "+nfproto(f.match)) // all there are
		default:
			blocks = append(blocks, b.From.String()+"-"+b.To.String())
		}
	}
	if len(blocks) > 0 {
		matches = append(matches, fmt.Sprintf("%s %s { %s }", f.match, h.peer, strings.Join(blocks, ", ")))
	}
	return matches
}

func nfproto(match string) string {
	if match == "ip6" {
		return "ipv6"
	}
	return "ipv4"
}

// ports are the matches for the ports, names resolved among the addresses of a
// family.
func (t *table) ports(family int, name string, p *Ports) []string {
	matches := numbers(p)
	if p == nil {
		return matches
	}
	f := families[family]
	named := set{of: f.of + " . inet_proto . inet_service", elements: map[string]string{}}
	for _, e := range p.Named {
		if e.Addr.BitLen() == f.bits {
			named.elements[fmt.Sprintf("%s . %s . %d", e.Addr, protocol(e.Protocol), e.Port)] = ""
		}
	}
	if len(named.elements) > 0 {
		t.sets[name+"-ports"+f.number] = named
		matches = append(matches, fmt.Sprintf("%s daddr . meta l4proto . th dport @%s-ports%s", f.match, name, f.number))
	}
	return matches
}

// numbers are the matches for ports by number, one a protocol: all for nil.
func numbers(p *Ports) []string {
	if p == nil {
		return []string{""}
	}
	var matches []string
	for _, of := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		var ranges []string
		for _, r := range p.Numbers {
			switch {
			case r.Protocol != of:
			case r.From == 0 && r.To == 65535:
				ranges = []string{""}
			case r.From == r.To:
				ranges = append(ranges, fmt.Sprint(r.From))
			default:
				ranges = append(ranges, fmt.Sprintf("%d-%d", r.From, r.To))
			}
		}
		switch {
		case len(ranges) == 0:
		case ranges[0] == "":
			matches = append(matches, "meta l4proto "+protocol(of))
		default:
			matches = append(matches, fmt.Sprintf("%s dport { %s }", protocol(of), strings.Join(ranges, ", ")))
		}
	}
	return matches
}

func protocol(of corev1.Protocol) string { return strings.ToLower(string(of)) }
