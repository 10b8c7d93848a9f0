package networkpolicy_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// site is a cluster's network: two nodes on a LAN with the pods of each behind it,
// and a machine that is no part of the cluster. Pods are tied to their node as the
// ptp CNI plugin ties them: an address of 32 bits on a veth of their own.
//
//	outside 172.30.0.100 ─┐
//	node1   172.30.0.2   ─┤ LAN     node1: x/a 10.244.1.10  x/b .11  w/a .12  x/new .13
//	node2   172.30.0.3   ─┘         node2: x/c 10.244.2.10  w/b .11
type site struct {
	addrs map[string]string // of pods, nodes and outside; with /6 for the IPv6 ones
	nodes map[string]string // of pods
}

const services = `
table ip services {
	chain prerouting { type nat hook prerouting priority dstnat; jump choose; }
	chain output { type nat hook output priority -100; jump choose; }
	chain choose {
		ip daddr 10.96.0.10 tcp dport 80 dnat to 10.244.1.10:8080
		fib daddr type local tcp dport 30080 mark set mark or 0x4000 dnat to 10.244.1.10:8080
	}
	chain postrouting { type nat hook postrouting priority srcnat;
		mark and 0x4000 != 0 masquerade
		ip saddr 10.244.1.10 ip daddr 10.244.1.10 masquerade comment "hairpin"
	}
}`

func newSite(t *testing.T) *site {
	s := &site{addrs: map[string]string{}, nodes: map[string]string{}}
	run(t, "", "ip", "netns", "add", "lan")
	run(t, "", "ip", "-n", "lan", "link", "add", "name", "br", "up", "type", "bridge")
	for i, name := range []string{"node1", "node2", "outside"} {
		host := []int{2, 3, 100}[i]
		s.addrs[name], s.addrs[name+"/6"] = fmt.Sprintf("172.30.0.%d", host), fmt.Sprintf("fd00:172::%d", host)
		s.machine(t, name, name, fmt.Sprintf(`
			link add eth0 type veth peer name %[1]s netns lan
			addr add %[2]s/24 dev eth0
			addr add %[3]s/64 dev eth0 nodad
			link set eth0 up
			route add default via 172.30.0.1`, name, s.addrs[name], s.addrs[name+"/6"]))
		run(t, "", "ip", "-n", "lan", "link", "set", name, "up", "master", "br")
		must(t, netns(name).do(func() error {
			for _, family := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
				if err := os.WriteFile("/proc/sys/net/"+family, []byte("1"), 0); err != nil {
					return err
				}
			}
			return nil
		}))
		for n, via := range map[int]string{1: "node1", 2: "node2"} {
			if via != name {
				router := []int{2, 3}[n-1]
				run(t, "", "ip", "-n", name, "route", "add", fmt.Sprintf("10.244.%d.0/24", n), "via", fmt.Sprintf("172.30.0.%d", router))
				run(t, "", "ip", "-n", name, "route", "add", fmt.Sprintf("fd00:244:%d::/64", n), "via", fmt.Sprintf("fd00:172::%d", router))
			}
		}
		if name != "outside" {
			must(t, netns(name).do(func() error { return command(services, "nft", "-f", "-") }))
		}
	}
	for node, pods := range map[int][]string{1: {"x/a", "x/b", "w/a", "x/new"}, 2: {"x/c", "w/b"}} {
		for i, pod := range pods {
			s.pod(t, node, 10+i, pod)
		}
	}
	return s
}

// machine makes a namespace, and runs lines in it as ip's.
func (s *site) machine(t *testing.T, ns, name, lines string) {
	run(t, "", "ip", "netns", "add", ns)
	run(t, "link set lo up\n"+lines+"\n", "ip", "-n", ns, "-batch", "-")
}

func (s *site) pod(t *testing.T, node, host int, pod string) {
	ns := strings.ReplaceAll(pod, "/", "-")
	on := fmt.Sprintf("node%d", node)
	v4, v6 := fmt.Sprintf("10.244.%d.%d", node, host), fmt.Sprintf("fd00:244:%d::%d", node, host)
	gate4, gate6 := fmt.Sprintf("10.244.%d.1", node), fmt.Sprintf("fd00:244:%d::1", node)
	s.addrs[pod], s.addrs[pod+"/6"], s.nodes[pod] = v4, v6, on
	s.machine(t, ns, pod, fmt.Sprintf(`
		link add eth0 type veth peer name %s netns %s
		addr add %s/32 dev eth0
		addr add %s/128 dev eth0 nodad
		link set eth0 up`, ns, on, v4, v6))
	run(t, fmt.Sprintf("addr add %s/32 dev %s\naddr add %s/128 dev %[2]s nodad\nlink set %[2]s up\nroute add %[4]s/32 dev %[2]s\nroute add %[5]s/128 dev %[2]s\n",
		gate4, ns, gate6, v4, v6), "ip", "-n", on, "-batch", "-")
	run(t, fmt.Sprintf("route add %[1]s dev eth0\nroute add default via %[1]s\nroute add %[2]s dev eth0\nroute add default via %[2]s\n", gate4, gate6),
		"ip", "-n", ns, "-batch", "-")
	s.serve(t, pod)
}

// namespace is where a pod, a node or the machine outside is.
func (s *site) namespace(name string) netns { return netns(strings.ReplaceAll(name, "/", "-")) }
