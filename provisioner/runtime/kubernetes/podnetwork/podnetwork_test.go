package podnetwork

import (
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

func node(name, address string, podCIDRs ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDRs: podCIDRs}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}}
	if address != "" {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	return n
}

func TestRoutes(t *testing.T) {
	known := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, n := range []*corev1.Node{
		node("own", "10.0.0.1", "10.244.0.0/24"),
		node("worker", "10.0.0.2", "10.244.1.0/24"),
		node("dual", "10.0.0.3", "fd00:10:244:1::/64", "10.244.2.0/24"),
		node("new", "10.0.0.4"),
		node("unreported", "", "10.244.4.0/24"),
		node("six", "fd00::5", "10.244.5.0/24"),
	} {
		if err := known.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	got, err := routes(corelisters.NewNodeLister(known), "own")
	if err != nil {
		t.Fatal(err)
	}
	want := map[netip.Prefix]netip.Addr{
		netip.MustParsePrefix("10.244.1.0/24"): netip.MustParseAddr("10.0.0.2"),
		netip.MustParsePrefix("10.244.2.0/24"): netip.MustParseAddr("10.0.0.3"),
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSetRoutes sets routes in a network of its own, which goes with the thread.
func TestSetRoutes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: setting routes needs root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan0"}, PeerName: "lan1"}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	address, err := netlink.ParseAddr("10.0.0.1/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(link, address); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lan0", "lan1"} {
		one, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(one); err != nil {
			t.Fatal(err)
		}
	}
	_, foreign, _ := net.ParseCIDR("10.99.0.0/24")
	if err := netlink.RouteAdd(&netlink.Route{Dst: foreign, Gw: net.IPv4(10, 0, 0, 9)}); err != nil {
		t.Fatal(err)
	}
	one, two := netip.MustParsePrefix("10.244.1.0/24"), netip.MustParsePrefix("10.244.2.0/24")
	for _, want := range []map[netip.Prefix]netip.Addr{
		{one: netip.MustParseAddr("10.0.0.2"), two: netip.MustParseAddr("10.0.0.3")},
		{one: netip.MustParseAddr("10.0.0.4")}, // one node came back elsewhere, one is gone
		{one: netip.MustParseAddr("10.0.0.4")},
		{},
	} {
		if err := setRoutes(want); err != nil {
			t.Fatal(err)
		}
		there, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		if err != nil {
			t.Fatal(err)
		}
		got, kept := map[netip.Prefix]netip.Addr{}, false
		for _, route := range there {
			if route.Gw == nil {
				continue // the link's own
			}
			to, _ := prefixOf(route.Dst)
			if by, _ := netip.AddrFromSlice(route.Gw); route.Dst.String() == foreign.String() {
				kept = true
			} else {
				got[to] = by.Unmap()
			}
		}
		if !maps.Equal(got, want) || !kept {
			t.Errorf("got %v and somebody else's: %t, want %v", got, kept, want)
		}
	}
}

func TestWriteConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.d", "10.conflist")
	for _, own := range []string{"10.244.3.0/24", "10.244.4.0/24"} {
		if err := writeConfig(path, netip.MustParsePrefix(own)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Plugins []struct {
				Type string
				IPAM struct{ Ranges [][]struct{ Subnet string } }
			}
		}
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if len(list.Plugins) != 2 || list.Plugins[0].Type != "ptp" || list.Plugins[0].IPAM.Ranges[0][0].Subnet != own {
			t.Errorf("got %s", text)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the list there is %v, %v", entries, err)
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--node-name=a"}, {"--cluster-cidr=10.244.0.0/16"}, {"--node-name=a", "--cluster-cidr=fd00::/56"},
		{"--node-name=a", "--cluster-cidr=10.244.0.0/16", "more"}, {"--nothing"},
	} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	if _, err := parse([]string{"--node-name=a", "--cluster-cidr=10.244.0.0/16"}); err != nil {
		t.Error(err)
	}
}
