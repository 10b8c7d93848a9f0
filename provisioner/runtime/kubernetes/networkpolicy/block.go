package networkpolicy

import (
	"cmp"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	netutils "k8s.io/utils/net"
)

// Block is a range of addresses of one family, both ends included.
type Block struct {
	From, To netip.Addr
}

// blocks are the addresses of an ipBlock, those of its exceptions taken out.
func blocks(of networkingv1.IPBlock) []Block {
	whole, ok := block(of.CIDR)
	if !ok {
		return nil // the API server refuses these
	}
	left := []Block{whole}
	for _, text := range of.Except {
		except, ok := block(text)
		if !ok {
			continue
		}
		var rest []Block
		for _, b := range left {
			rest = append(rest, b.without(except)...)
		}
		left = rest
	}
	return left
}

// block reads a CIDR as leniently as the API server does: bits after the prefix
// and leading zeros are let pass.
func block(cidr string) (Block, bool) {
	_, network, err := netutils.ParseCIDRSloppy(cidr)
	if err != nil {
		return Block{}, false
	}
	from, _ := netip.AddrFromSlice(network.IP)
	last := slices.Clone(network.IP)
	for i := range last {
		last[i] |= ^network.Mask[i]
	}
	to, _ := netip.AddrFromSlice(last)
	return Block{from, to}, true
}

func (b Block) without(x Block) []Block {
	if x.To.Less(b.From) || b.To.Less(x.From) || x.From.BitLen() != b.From.BitLen() {
		return []Block{b}
	}
	var rest []Block
	if b.From.Less(x.From) {
		rest = append(rest, Block{b.From, x.From.Prev()})
	}
	if x.To.Less(b.To) {
		rest = append(rest, Block{x.To.Next(), b.To})
	}
	return rest
}

// merge sorts blocks, IPv4 first, and joins those that touch: nftables refuses a
// set whose ranges overlap.
func merge(list []Block) []Block {
	slices.SortFunc(list, func(a, b Block) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	})
	var merged []Block
	for _, b := range list {
		if n := len(merged); n > 0 && b.From.BitLen() == merged[n-1].To.BitLen() {
			last := &merged[n-1]
			if next := last.To.Next(); !next.IsValid() || !next.Less(b.From) {
				if last.To.Less(b.To) {
					last.To = b.To
				}
				continue
			}
		}
		merged = append(merged, b)
	}
	return merged
}
