package podnetwork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"sigs.k8s.io/knftables"
)

const (
	// protocol marks the routes that are this package's, among the numbers that
	// nobody has taken (etc/iproute2/rt_protos of iproute2).
	protocol = 0x57

	retryAfter = 5 * time.Second // a route that the kernel refused
)

// keepRoutes keeps the routes to the pods of the other nodes until ctx ends.
func keepRoutes(ctx context.Context, nodes corelisters.NodeLister, changed <-chan struct{}, own string, log *slog.Logger) error {
	for {
		var retry <-chan time.Time
		want, err := routes(nodes, own)
		if err != nil {
			return err
		}
		if err := setRoutes(want); err != nil {
			log.Error("Routes to other nodes' pods are not as they should be", "err", err)
			retry = time.After(retryAfter)
		}
		select {
		case <-changed:
		case <-retry:
		case <-ctx.Done():
			return nil
		}
	}
}

// routes returns where each other node's pods are: range -> address.
func routes(nodes corelisters.NodeLister, own string) (map[netip.Prefix]netip.Addr, error) {
	all, err := nodes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	want := map[netip.Prefix]netip.Addr{}
	for _, node := range all {
		pods, by := podRange(node), address(node)
		if node.Name != own && pods.IsValid() && by.IsValid() {
			want[pods] = by
		}
	}
	return want, nil
}

// setRoutes makes want all of this package's routes.
func setRoutes(want map[netip.Prefix]netip.Addr) error {
	there, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	var wrong []error
	for _, route := range there {
		if to, ok := prefixOf(route.Dst); !ok || !want[to].IsValid() {
			if err := netlink.RouteDel(&route); err != nil && !errors.Is(err, unix.ESRCH) {
				wrong = append(wrong, fmt.Errorf("delete the route to %s: %w", route.Dst, err))
			}
		}
	}
	for to, by := range want {
		route := &netlink.Route{
			Dst:      &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)},
			Gw:       by.AsSlice(),
			Protocol: protocol,
		}
		if err := netlink.RouteReplace(route); err != nil {
			wrong = append(wrong, fmt.Errorf("route %s by %s: %w", to, by, err))
		}
	}
	return errors.Join(wrong...)
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), ones), ok
}

// hide gives packets of pods that leave the cluster the node's address.
func hide(ctx context.Context, pods netip.Prefix) error {
	nft, err := knftables.New(knftables.IPv4Family, "pod-network")
	if err != nil {
		return err
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("pods speak with the world under their node's address")})
	chain := &knftables.Chain{
		Name: "postrouting", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority),
	}
	tx.Add(chain)
	tx.Flush(chain)
	tx.Add(&knftables.Rule{Chain: chain.Name, Rule: knftables.Concat("ip saddr", pods, "ip daddr !=", pods, "masquerade")})
	if err := nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	return nil
}
