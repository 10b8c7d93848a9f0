package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// Labels on everything that is made here. kind's nodes cannot be given labels;
// they carry kind's own with the cluster's name.
const (
	labelOwner     = "dev.wheelhouse.owner"
	labelCluster   = "dev.wheelhouse.cluster"
	labelWorkers   = "dev.wheelhouse.workers"
	labelImage     = "dev.wheelhouse.image"
	labelNodeImage = "dev.wheelhouse.node-image" // the ID of the image that this one was built on
	labelKind      = "io.x-k8s.kind.cluster"
)

// DefaultSubnets is what clusters' networks are cut from unless Options say
// otherwise: clear of what Docker and Podman hand out by themselves, and of
// Kubernetes' pods (10.244.0.0/16) and services (10.96.0.0/16).
var DefaultSubnets = netip.MustParsePrefix("10.208.0.0/16")

// networkBits is the size of one cluster's network: 59 machines, and 1,024
// networks in DefaultSubnets.
const networkBits = 26

// networkOf returns the name of the cluster's network.
func (e *engine) networkOf(cluster string) string {
	if e.networkVariable() == "" {
		return "kind"
	}
	return cluster
}

// createNetwork makes a network for the cluster alone, on a subnet that nothing
// on the engine or on this machine uses. An engine that puts all clusters on one
// network gets none.
func (p *Provider) createNetwork(ctx context.Context, e *engine, name string, spec provisioner.Spec) error {
	if e.networkVariable() == "" {
		return nil
	}
	p.networks.Lock()
	defer p.networks.Unlock()
	used, mtu, err := e.usedSubnets(ctx)
	if err != nil {
		return err
	}
	pool := p.options.Subnets
	tries := 0
	for subnet := range shuffled(pool, networkBits) {
		if overlapsAny(subnet, used) {
			continue
		}
		err := e.createNetwork(ctx, name, subnet, mtu,
			labelOwner+"="+p.store.owner, labelCluster+"="+name, fmt.Sprintf("%s=%d", labelWorkers, spec.Workers))
		// Another process may have taken it, or a route that is not seen from here.
		if err == nil || !overlap(err) {
			return err
		}
		if tries++; tries == 20 {
			break
		}
	}
	return &provisioner.Error{Reason: provisioner.CreateFailed, Message: fmt.Sprintf(
		"No free network address range is left in %s for another cluster. End clusters that are not needed, remove container networks "+
			"that nothing uses (%s network prune), or give Wheelhouse another range.", pool, e.name)}
}

func (e *engine) createNetwork(ctx context.Context, name string, subnet netip.Prefix, mtu string, labels ...string) error {
	args := []string{"network", "create", "--driver", "bridge", "--subnet", subnet.String()}
	if mtu != "" {
		args = append(args, "--opt", mtuOption+"="+mtu)
	}
	for _, l := range labels {
		args = append(args, "--label", l)
	}
	_, err := e.run(ctx, append(args, name)...)
	return err
}

// overlap reports whether a network was refused for its subnet.
func overlap(err error) bool {
	failed, ok := errors.AsType[*command.Error](err)
	return ok && containsAny(strings.ToLower(failed.Output), "overlap", "already used", "is being used", "conflicts with")
}

const mtuOption = "com.docker.network.driver.mtu"

// usedSubnets returns the subnets of the engine's networks and of this machine's
// interfaces, and the MTU of Docker's default network where it was set.
func (e *engine) usedSubnets(ctx context.Context) (used []netip.Prefix, mtu string, err error) {
	ids, err := e.lines(ctx, "network", "ls", "-q")
	if err != nil {
		return nil, "", err
	}
	// One that was removed since it was listed is an error; what is printed is right.
	out, err := e.run(ctx, append([]string{"network", "inspect"}, ids...)...)
	if err != nil && !gone(err) {
		return nil, "", err
	}
	var networks []struct {
		Name    string
		Options map[string]string
		IPAM    struct{ Config []struct{ Subnet string } } // Docker, nerdctl
		Subnets []struct{ Subnet string }                  // Podman
	}
	if err := json.Unmarshal([]byte(out), &networks); err != nil {
		return nil, "", fmt.Errorf("read what `%s network inspect` says: %w", e.name, err)
	}
	for _, n := range networks {
		for _, s := range append(n.IPAM.Config, n.Subnets...) {
			if prefix, err := netip.ParsePrefix(s.Subnet); err == nil {
				used = append(used, prefix)
			}
		}
		if n.Name == "bridge" {
			mtu = n.Options[mtuOption]
		}
	}
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			used = append(used, prefix)
		}
	}
	return used, mtu, nil
}

func overlapsAny(subnet netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if u.Overlaps(subnet) {
			return true
		}
	}
	return false
}

// shuffled yields the pieces of pool that are bits long, from a random one on,
// so that two processes seldom try the same one.
func shuffled(pool netip.Prefix, bits int) func(yield func(netip.Prefix) bool) {
	return func(yield func(netip.Prefix) bool) {
		bits := max(bits, pool.Bits())
		count := uint32(1) << (bits - pool.Bits())
		base := be32(pool.Masked().Addr())
		first := rand.Uint32N(count)
		for i := range count {
			address := base + (first+i)%count<<(32-bits)
			if !yield(netip.PrefixFrom(fromBE32(address), bits)) {
				return
			}
		}
	}
}

func be32(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func fromBE32(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// kindNetwork is held from when the environment names a cluster's network until
// kind has read it there: a process has only one environment.
var kindNetwork sync.Mutex

// nameNetwork puts the cluster's network where kind looks for it. The function
// that it returns, which may be called more than once, takes it away again; until
// then no other cluster's creation goes on.
func (e *engine) nameNetwork(cluster string) (release func()) {
	variable := e.networkVariable()
	if variable == "" {
		return func() {}
	}
	kindNetwork.Lock()
	before, was := os.LookupEnv(variable)
	os.Setenv(variable, e.networkOf(cluster))
	return sync.OnceFunc(func() {
		if was {
			os.Setenv(variable, before)
		} else {
			os.Unsetenv(variable)
		}
		kindNetwork.Unlock()
	})
}
