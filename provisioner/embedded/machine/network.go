package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	bridgeName = "lan0" // in the network namespace of the cluster's first process
	linkName   = "eth0" // in those of nodes and workstation
)

// layNetwork makes the nodes' network: a bridge that the cluster's first process
// is on as well.
func layNetwork(c *Cluster) error {
	if err := setUp("lo"); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make the bridge %s: %w", bridgeName, err)
	}
	address := netip.PrefixFrom(c.Gateway, c.LAN.Bits())
	if err := netlink.AddrAdd(bridge, &netlink.Addr{IPNet: ipNet(address)}); err != nil {
		return fmt.Errorf("give %s the address %s: %w", bridgeName, address, err)
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("set %s up: %w", bridgeName, err)
	}
	// What a pod asks of the gateway is answered, if only by a refusal.
	for _, node := range c.Nodes {
		if err := netlink.RouteAdd(&netlink.Route{Dst: ipNet(node.Pods), Gw: node.Address.AsSlice()}); err != nil {
			return fmt.Errorf("route %s to %s: %w", node.Pods, node.Name, err)
		}
	}
	// A service's own address is known to the nodes only; the first one passes it on.
	balanced := &netlink.Route{Dst: ipNet(c.Balanced), Gw: c.Nodes[0].Address.AsSlice()}
	if err := netlink.RouteAdd(balanced); err != nil {
		return fmt.Errorf("route %s: %w", c.Balanced, err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// Attach plugs a container that is being made into the nodes' network and gives it
// its control groups. It is the program's part attach, which runc calls as a hook: in
// the namespaces of the cluster's first process, with the container's state, of the
// runtime specification's shape, on standard input.
func Attach(in io.Reader) error {
	var state specs.State
	if err := json.NewDecoder(in).Decode(&state); err != nil {
		return fmt.Errorf("attach: read the container's state: %w", err)
	}
	c, err := readCluster(ClusterDir + "/" + DescriptionFile)
	if err != nil {
		return fmt.Errorf("attach %s: %w", state.ID, err)
	}
	if err := c.attach(state.ID, state.Pid); err != nil {
		return fmt.Errorf("attach %s: %w", state.ID, err)
	}
	groups, err := Groups(state.Pid)
	if err != nil {
		return fmt.Errorf("attach %s: %w", state.ID, err)
	}
	for _, group := range groups {
		if err := Delegate(group, NodeIDs); err != nil {
			return fmt.Errorf("attach %s: %w", state.ID, err)
		}
	}
	return nil
}

// attach gives the process pid of the container name a link to the bridge.
func (c *Cluster) attach(name string, pid int) error {
	address, index := c.Workstation, len(c.Nodes)
	for i, node := range c.Nodes {
		if node.Name == name {
			address, index = node.Address, i
		}
	}
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find the bridge %s: %w", bridgeName, err)
	}
	space, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open its network namespace: %w", err)
	}
	defer space.Close()
	outer := fmt.Sprintf("port%d", index)
	// One that an earlier container had goes when the kernel gets round to it.
	if old, err := netlink.LinkByName(outer); err == nil {
		_ = netlink.LinkDel(old)
	}
	pair := netlink.NewVeth(netlink.LinkAttrs{Name: outer, MasterIndex: bridge.Attrs().Index})
	pair.PeerName, pair.PeerNamespace = linkName, netlink.NsFd(space)
	// The same address always has the same hardware address, so neighbours need
	// not learn anew when a node comes back.
	a := address.As4()
	pair.PeerHardwareAddr = net.HardwareAddr{0x02, 0x42, a[0], a[1], a[2], a[3]}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("make the link %s: %w", outer, err)
	}
	if err := netlink.LinkSetUp(pair); err != nil {
		return fmt.Errorf("set %s up: %w", outer, err)
	}
	inside, err := netlink.NewHandleAt(space, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("enter its network namespace: %w", err)
	}
	defer inside.Close()
	return c.configure(inside, name, address)
}

// configure sets addresses and routes in a container's network namespace.
func (c *Cluster) configure(h *netlink.Handle, name string, address netip.Addr) error {
	loopback, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	link, err := h.LinkByName(linkName)
	if err != nil {
		return err
	}
	if err := errors.Join(
		h.LinkSetUp(loopback),
		h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(address, c.LAN.Bits()))}),
		h.LinkSetUp(link),
	); err != nil {
		return fmt.Errorf("configure %s: %w", linkName, err)
	}
	// There is nothing beyond the gateway, which says so at once; but without a
	// default route the API server does not start.
	if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: c.Gateway.AsSlice()}); err != nil {
		return fmt.Errorf("set the default route: %w", err)
	}
	if address == c.Workstation {
		return nil
	}
	for _, other := range c.Nodes {
		if other.Name == name {
			continue
		}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(other.Pods), Gw: other.Address.AsSlice()}); err != nil {
			return fmt.Errorf("route %s to %s: %w", other.Pods, other.Name, err)
		}
	}
	return nil
}

func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
