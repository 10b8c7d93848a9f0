package networkpolicy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"sigs.k8s.io/knftables"
)

// table is the content of the nftables table: what a Ruleset looks like there.
//
// Two base chains, one a direction, look the pod's address up in a map of verdicts
// that leads to the chain of the policies that isolate it: one jump for each, then
// a drop. So the path of a packet is as long as the policies of its own pod.
type table struct {
	chains map[string]chain
	sets   map[string]set // and maps
}

type chain struct {
	base  bool // a base chain in the forward hook
	rules []string
}

type set struct {
	of       string            // the type of its elements, as nft has it
	elements map[string]string // with a verdict each, in a map of verdicts
	verdicts bool
}

// families are how nft names the two, with the number that our sets' names end in.
var families = []struct {
	match, of, number string
	bits              int
}{
	{"ip", "ipv4_addr", "4", 32},
	{"ip6", "ipv6_addr", "6", 128},
}

// half is how one direction looks at a packet.
type half struct {
	name      string // of its base chain and maps
	pod, peer string // the fields that hold the pod's address and the other side's
}

// render is nil for a Ruleset that lets everything pass: then nothing is in the
// path of any packet.
func render(r Ruleset) *table {
	if len(r.Ingress.Policies)+len(r.Egress.Policies)+len(r.Unknown) == 0 {
		return nil
	}
	t := &table{chains: map[string]chain{}, sets: map[string]set{}}
	for _, family := range families {
		self := set{of: family.of + " . " + family.of, elements: map[string]string{}}
		for _, d := range []Direction{r.Ingress, r.Egress} {
			for addr, policies := range d.Pods {
				if addr.BitLen() == family.bits && len(policies) > 0 {
					self.elements[addr.String()+" . "+addr.String()] = ""
				}
			}
		}
		t.sets["self"+family.number] = self
	}
	t.direction(half{"ingress", "daddr", "saddr"}, r.Ingress, r.Unknown)
	t.direction(half{"egress", "saddr", "daddr"}, r.Egress, r.Unknown)
	return t
}

func (t *table) direction(h half, d Direction, unknown []netip.Prefix) {
	base := []string{
		"ct direction reply accept",
		"ct state related accept",
	}
	for _, family := range families {
		pods := set{of: family.of, verdicts: true, elements: map[string]string{}}
		for addr, policies := range d.Pods {
			switch {
			case addr.BitLen() != family.bits:
			case len(policies) > 0:
				pods.elements[addr.String()] = "goto " + t.isolation(h, d, policies)
			case len(unknown) > 0:
				pods.elements[addr.String()] = "accept" // known, and not isolated
			}
		}
		t.sets[h.name+family.number] = pods
		base = append(base,
			fmt.Sprintf("%s saddr . %[1]s daddr @self%s accept", family.match, family.number),
			fmt.Sprintf("%s %s vmap @%s", family.match, h.pod, h.name+family.number))
		for _, prefix := range unknown {
			if prefix.Addr().BitLen() == family.bits {
				base = append(base, fmt.Sprintf("%s %s %s drop", family.match, h.pod, prefix.Masked()))
			}
		}
	}
	t.chains[h.name] = chain{base: true, rules: base}
}

// isolation makes the chain of the pods that these policies isolate, and gives its
// name.
func (t *table) isolation(h half, d Direction, policies []string) string {
	name := objectName(h.name+"-pods", strings.Join(policies, " "))
	if _, made := t.chains[name]; made {
		return name
	}
	var rules []string
	for _, policy := range policies {
		if allow := t.policy(h, policy, d.Policies[policy]); allow != "" {
			rules = append(rules, "jump "+allow)
		}
	}
	t.chains[name] = chain{rules: append(rules, "drop")}
	return name
}

// policy makes the chain of what a policy allows, and gives its name: none if it
// allows nothing.
func (t *table) policy(h half, name string, rules []Rule) string {
	name = objectName(h.name, name)
	if _, made := t.chains[name]; made {
		return name
	}
	var allow []string
	for i, rule := range rules {
		allow = append(allow, t.rule(h, fmt.Sprintf("%s-%d", name, i), rule)...)
	}
	if len(allow) == 0 {
		return ""
	}
	t.chains[name] = chain{rules: allow}
	return name
}

// objectName is a name that nft takes, for a thing whose own name may be too long:
// the start of it for people, and a hash.
func objectName(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	name = strings.ReplaceAll(name, " ", "-")
	if most := knftables.NameLengthMax / 2; len(name) > most {
		name = name[:most]
	}
	return kind + "-" + hex.EncodeToString(sum[:6]) + "-" + name
}
