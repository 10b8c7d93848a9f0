package loadbalancer

import (
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/core/v1"
	netutils "k8s.io/utils/net"
)

// pool is the addresses of a range, each held by one Service at most.
type pool struct {
	addresses netip.Prefix
	services  listers.ServiceLister

	mu sync.Mutex
	// given are the addresses of this process's making, whether or not the lister
	// shows them yet, by who has them.
	given map[netip.Addr]types.UID
}

func newPool(addresses netip.Prefix, services listers.ServiceLister) *pool {
	return &pool{addresses: addresses.Masked(), services: services, given: map[netip.Addr]types.UID{}}
}

// take gives a Service the address that it asks for, or the one that it has, or the
// lowest that is free. The error is a sentence for whoever made the Service.
func (p *pool) take(s *corev1.Service) (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken, err := p.taken(s.UID)
	if err != nil {
		return netip.Addr{}, err
	}
	addr, err := p.choose(s, taken)
	if err != nil {
		return netip.Addr{}, err
	}
	p.release(s.UID)
	p.given[addr] = s.UID
	return addr, nil
}

func (p *pool) choose(s *corev1.Service, taken map[netip.Addr]string) (netip.Addr, error) {
	if !p.speaks(s.Spec.IPFamilies) {
		return netip.Addr{}, fmt.Errorf("the load balancer's addresses, %s, are of another IP family than the service's, %v", p.addresses, s.Spec.IPFamilies)
	}
	if text := s.Spec.LoadBalancerIP; text != "" {
		addr, ok := parse(text)
		if !ok || !p.usable(addr) {
			return netip.Addr{}, fmt.Errorf("the address %s in spec.loadBalancerIP is not one of the load balancer's, %s: choose one of them, or leave it empty", text, p.addresses)
		}
		if by, ok := taken[addr]; ok {
			return netip.Addr{}, fmt.Errorf("the address %s in spec.loadBalancerIP is taken by the service %s: choose another, or leave it empty", addr, by)
		}
		return addr, nil
	}
	for _, addr := range p.held(s) {
		if _, ok := taken[addr]; !ok {
			return addr, nil
		}
	}
	for addr := p.addresses.Addr(); p.addresses.Contains(addr); addr = addr.Next() {
		if _, ok := taken[addr]; !ok && p.usable(addr) {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("all addresses of the load balancer, %s, are taken: delete a service of type LoadBalancer, and this one gets its address", p.addresses)
}

// taken are the addresses that other Services than self hold.
func (p *pool) taken(self types.UID) (map[netip.Addr]string, error) {
	all, err := p.services.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	taken, names := map[netip.Addr]string{}, map[types.UID]string{}
	for _, s := range all {
		names[s.UID] = s.Namespace + "/" + s.Name
		if s.UID == self {
			continue
		}
		for _, addr := range p.held(s) {
			if by, ok := p.given[addr]; ok && by == self {
				continue // whatever that other's status says
			}
			taken[addr] = names[s.UID]
		}
	}
	for addr, by := range p.given {
		if by != self {
			taken[addr] = names[by]
		}
	}
	return taken, nil
}

// held are the addresses of this pool in a Service's status.
func (p *pool) held(s *corev1.Service) []netip.Addr {
	var all []netip.Addr
	for _, ingress := range s.Status.LoadBalancer.Ingress {
		if addr, ok := parse(ingress.IP); ok && p.usable(addr) {
			all = append(all, addr)
		}
	}
	return all
}

// free takes a Service's address back.
func (p *pool) free(s *corev1.Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(s.UID)
}

func (p *pool) release(who types.UID) {
	for addr, by := range p.given {
		if by == who {
			delete(p.given, addr)
		}
	}
}

func (p *pool) usable(addr netip.Addr) bool {
	if !p.addresses.Contains(addr) {
		return false
	}
	if addr.Is6() || addr.BitLen()-p.addresses.Bits() < 2 {
		return true // no address of these is the network's or for broadcasts
	}
	return p.addresses.Contains(addr.Prev()) && p.addresses.Contains(addr.Next())
}

func (p *pool) speaks(families []corev1.IPFamily) bool {
	for _, f := range families {
		if (f == corev1.IPv6Protocol) == p.addresses.Addr().Is6() {
			return true
		}
	}
	return len(families) == 0
}

func parse(text string) (netip.Addr, bool) {
	addr, ok := netip.AddrFromSlice(netutils.ParseIPSloppy(text))
	return addr.Unmap(), ok
}
