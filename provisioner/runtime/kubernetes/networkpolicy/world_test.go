package networkpolicy_test

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
)

// world is the model that upstream's network policy tests use: namespaces x, w and
// z with pods a, b and c in each; here each pod of a letter is on a node of its own.
type world struct {
	pods       []*corev1.Pod
	namespaces map[string]labels.Set
}

func newWorld() *world {
	w := &world{namespaces: map[string]labels.Set{}}
	for i, ns := range []string{"x", "w", "z"} {
		w.namespaces[ns] = labels.Set{"ns": ns, corev1.LabelMetadataName: ns}
		for j, name := range []string{"a", "b", "c"} {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"pod": name}}}
			p.Spec.NodeName = "node-" + name
			p.Status.Phase = corev1.PodRunning
			p.Status.PodIP = fmt.Sprintf("10.244.%d.%d", j, 10+i)
			p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}, {IP: fmt.Sprintf("fd00:244:%d::%d", j, 10+i)}}
			p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{
				{Name: "serve-80-tcp", ContainerPort: 80, Protocol: corev1.ProtocolTCP},
				{Name: "serve-80-udp", ContainerPort: 80, Protocol: corev1.ProtocolUDP},
				{Name: "serve-81-tcp", ContainerPort: 81, Protocol: corev1.ProtocolTCP},
				{Name: "serve-81-sctp", ContainerPort: 81, Protocol: corev1.ProtocolSCTP},
			}}}
			w.pods = append(w.pods, p)
		}
	}
	return w
}

func (w *world) pod(name string) *corev1.Pod {
	i := slices.IndexFunc(w.pods, func(p *corev1.Pod) bool { return p.Namespace+"/"+p.Name == name })
	return w.pods[i]
}

// policies reads the specs of policies: "namespace: spec as YAML's flow style".
func policies(t *testing.T, texts []string) []*networkingv1.NetworkPolicy {
	t.Helper()
	var all []*networkingv1.NetworkPolicy
	for i, text := range texts {
		namespace, spec, _ := strings.Cut(text, ": ")
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint("policy-", i)}}
		if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, p)
	}
	return all
}

func (w *world) snapshot(node string, policies []*networkingv1.NetworkPolicy) networkpolicy.Snapshot {
	return networkpolicy.Snapshot{NodeName: node, Pods: w.pods, Namespaces: w.namespaces, Policies: policies}
}

// packet opens a connection.
type packet struct {
	from, to netip.Addr
	protocol corev1.Protocol
	port     uint16
}

// reaches tells whether a packet passes both nodes: that of the pod that sends it
// and that of the pod it is for.
func (w *world) reaches(policies []*networkingv1.NetworkPolicy, p packet) bool {
	if p.from == p.to {
		return true // it never leaves the pod
	}
	for _, node := range []string{"node-a", "node-b", "node-c"} {
		r := networkpolicy.Compute(w.snapshot(node, policies))
		if !allowed(r.Egress, p.from, p.to, p) || !allowed(r.Ingress, p.to, p.from, p) {
			return false
		}
	}
	return true
}

// allowed judges a packet as the rules in the kernel do.
func allowed(d networkpolicy.Direction, pod, peer netip.Addr, p packet) bool {
	if len(d.Pods[pod]) == 0 {
		return true
	}
	for _, policy := range d.Pods[pod] {
		for _, r := range d.Policies[policy] {
			if matchPeers(r.Peers, peer) && matchPorts(r.Ports, p) {
				return true
			}
		}
	}
	return false
}

func matchPeers(peers *networkpolicy.Peers, addr netip.Addr) bool {
	return peers == nil || slices.Contains(peers.Pods, addr) ||
		slices.ContainsFunc(peers.Blocks, func(b networkpolicy.Block) bool {
			return b.From.BitLen() == addr.BitLen() && !addr.Less(b.From) && !b.To.Less(addr)
		})
}

func matchPorts(ports *networkpolicy.Ports, p packet) bool {
	return ports == nil ||
		slices.Contains(ports.Named, networkpolicy.Endpoint{Addr: p.to, Protocol: p.protocol, Port: p.port}) ||
		slices.ContainsFunc(ports.Numbers, func(r networkpolicy.PortRange) bool {
			return r.Protocol == p.protocol && r.From <= p.port && p.port <= r.To
		})
}

// expect reads lines such as "deny * > x/a", each changing what those before it
// have said, from everything allowed.
func expect(t *testing.T, lines []string, from, to string) bool {
	t.Helper()
	allow := true
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 4 || words[2] != ">" {
			t.Fatalf("no expectation: %q", line)
		}
		if matches(words[1], from) && matches(words[3], to) {
			allow = words[0] == "allow"
		}
	}
	return allow || from == to
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return pattern == "*" || ok
}
