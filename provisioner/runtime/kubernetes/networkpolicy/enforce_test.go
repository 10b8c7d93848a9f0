package networkpolicy_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
)

// enforced is a site whose nodes enforce what an API says.
type enforced struct {
	*site
	client  kubernetes.Interface
	results string // node1's folder of results
}

func newEnforced(t *testing.T) *enforced {
	e := &enforced{newSite(t), fake.NewClientset(), t.TempDir()}
	for _, name := range []string{"x", "w"} {
		_, err := e.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"ns": name}}}, metav1.CreateOptions{})
		must(t, err)
	}
	for _, name := range []string{"x/a", "x/b", "w/a", "x/c", "w/b", "x/new"} {
		e.create(t, name)
	}
	return e
}

// create makes the object of a pod. That of x/new has no address in its status.
func (e *enforced) create(t *testing.T, name string) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name[:1], Name: name[2:], Labels: map[string]string{"pod": name[2:]}}}
	p.Spec.NodeName = e.nodes[name]
	p.Spec.Containers = []corev1.Container{{Name: "serve", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}, {Name: "admin", ContainerPort: 8081}}}}
	p.Status.Phase = corev1.PodRunning
	if name != "x/new" {
		p.Status.PodIP = e.addrs[name]
		p.Status.PodIPs = []corev1.PodIP{{IP: e.addrs[name]}, {IP: e.addrs[name+"/6"]}}
	}
	_, err := e.client.CoreV1().Pods(p.Namespace).Create(t.Context(), p, metav1.CreateOptions{})
	must(t, err)
}

// start enforces on a node, until stop is called or the test ends.
func (e *enforced) start(t *testing.T, node string) (stop func()) {
	o := networkpolicy.Options{
		Client: e.client, NodeName: node, NFT: newNFT(t, netns(node)),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if node == "node1" {
		o.ResultsDir, o.PodCIDRs = e.results, []netip.Prefix{netip.MustParsePrefix("10.244.1.0/24")}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- networkpolicy.Run(ctx, o) }()
	stopped := false
	stop = func() {
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Errorf("network policies on %s: %v", node, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// apply makes the policies that there are these.
func (e *enforced) apply(t *testing.T, texts ...string) {
	t.Helper()
	for _, ns := range []string{"x", "w"} {
		api := e.client.NetworkingV1().NetworkPolicies(ns)
		list, err := api.List(t.Context(), metav1.ListOptions{})
		must(t, err)
		for _, p := range list.Items {
			must(t, api.Delete(t.Context(), p.Name, metav1.DeleteOptions{}))
		}
	}
	for _, p := range policies(t, texts) {
		_, err := e.client.NetworkingV1().NetworkPolicies(p.Namespace).Create(t.Context(), p, metav1.CreateOptions{})
		must(t, err)
	}
}

func TestKernel(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	e := newEnforced(t)
	e.start(t, "node1")
	e.start(t, "node2")
	everything := []string{"x/b > x/a", "x/c > x/a", "w/a > x/a", "w/b > x/a", "x/a > x/c", "x/a > w/b", "x/a > x/b", "outside > x/a",
		"node1 > x/a", "node2 > x/a", "x/b > x/a udp", "x/c > x/a udp", "x/b > 10.96.0.10:80", "x/c > 10.96.0.10:80", "outside > 172.30.0.2:30080",
		"x/b > x/a 8081", "x/b > x/a/6", "x/c > x/a/6", "x/a > 10.96.0.10:80", "x/a > x/a", "x/new > x/b", "x/new > x/c"}
	e.want(t, everything, nil)
	tests := []struct {
		name            string
		policies        []string
		allowed, denied []string
	}{
		{"default deny of ingress",
			[]string{"x: {podSelector: {}}"},
			[]string{"x/a > w/b", "x/c > w/a", "node1 > x/a", "node1 > 10.96.0.10:80", "x/a > x/a", "x/a > 10.96.0.10:80"},
			[]string{"x/b > x/a", "x/c > x/a", "w/a > x/a", "w/b > x/c", "outside > x/a", "node2 > x/a", "x/b > 10.96.0.10:80",
				"x/c > 10.96.0.10:80", "x/b > x/a udp", "x/c > x/a udp", "outside > 172.30.0.2:30080", "x/b > x/a/6", "x/c > x/a/6"}},
		{"default deny of egress",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}"},
			[]string{"x/b > x/a", "w/b > x/a", "outside > x/a", "x/b > x/a udp", "x/a > x/a", "x/a > 10.96.0.10:80", "w/b > x/a/6"}, // replies pass
			[]string{"x/a > x/b", "x/a > x/c", "x/a > outside", "x/a > x/b udp", "x/a > x/b/6"}},
		{"by label, on the same node and another",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]}"},
			[]string{"x/b > x/a", "x/c > x/a", "x/b > 10.96.0.10:80", "x/c > 10.96.0.10:80", "x/c > x/a udp", "x/b > x/a/6", "x/c > x/a/6", "w/a > x/b"},
			[]string{"w/a > x/a", "w/b > x/a", "w/b > 10.96.0.10:80", "outside > x/a", "w/b > x/a/6"}},
		{"by namespace",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}"},
			[]string{"w/a > x/a", "w/b > x/a", "w/a > 10.96.0.10:80"},
			[]string{"x/b > x/a", "x/c > x/a"}},
		{"both ends of a node's pods",
			[]string{"x: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{podSelector: {}}]}], ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]}"},
			[]string{"x/a > x/b", "x/b > x/a", "x/a > x/c", "x/c > x/a", "x/b > 10.96.0.10:80"},
			[]string{"x/a > x/b 8081", "x/a > x/b udp", "x/a > w/a", "w/a > x/a", "x/a > outside"}},
		{"a port by number, of a protocol",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 8080, protocol: UDP}, {port: 8081}]}]}"},
			[]string{"x/b > x/a udp", "x/c > x/a udp", "x/b > x/a 8081", "x/c > x/a/6 8081"},
			[]string{"x/b > x/a", "x/c > x/a", "x/c > x/a/6"}},
		{"a protocol without a port",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{protocol: UDP}, {protocol: SCTP, port: 7}]}]}"},
			[]string{"x/b > x/a udp", "x/c > x/a udp"},
			[]string{"x/b > x/a", "x/b > x/a 8081"}},
		{"a range of ports",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 8081, endPort: 9000}, {port: 1, endPort: 8079}]}]}"},
			[]string{"x/b > x/a 8081", "x/c > x/a 8081"},
			[]string{"x/b > x/a", "x/c > x/a"}},
		{"a port by name",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {}}], ports: [{port: admin}]}]}"},
			[]string{"x/b > x/a 8081", "x/c > x/a 8081", "x/c > x/a/6 8081"},
			[]string{"x/b > x/a", "x/c > x/a", "w/b > x/a 8081", "x/c > x/a/6"}},
		{"egress to a port by name",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{ports: [{port: web}]}]}"},
			[]string{"x/a > x/b", "x/a > w/b", "x/a > x/c/6"},
			[]string{"x/a > x/b 8081", "x/a > w/b 8081"}},
		{"a block with an exception",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.1.0/24, 172.30.0.3/32]}}]}]}"},
			[]string{"x/c > x/a", "w/b > x/a", "outside > x/a", "node1 > x/a", "outside > 172.30.0.2:30080"},
			[]string{"x/b > x/a", "node2 > x/a", "x/c > x/a/6"}},
		{"the block of a node",
			[]string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 172.30.0.3/32}}, {ipBlock: {cidr: '::/0'}}]}]}"},
			[]string{"node2 > x/a", "x/c > x/a/6", "x/b > x/a/6"},
			[]string{"outside > x/a", "x/b > x/a", "x/c > x/a"}},
		{"egress to a block and a pod",
			[]string{"x: {podSelector: {matchLabels: {pod: b}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.2.0/24}}, {podSelector: {matchLabels: {pod: a}}}]}]}"},
			[]string{"x/b > x/c", "x/b > x/a", "x/b > 10.96.0.10:80", "x/b > w/b"},
			[]string{"x/b > w/a"}},
		{"policies add up",
			[]string{"x: {podSelector: {}}", "x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}",
				"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}], ports: [{port: web}]}]}"},
			[]string{"x/b > x/a", "x/b > x/a 8081", "x/c > x/a"},
			[]string{"x/c > x/a 8081", "w/a > x/a", "x/a > x/b", "x/a > x/c"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e.apply(t, test.policies...)
			e.want(t, test.allowed, test.denied)
		})
	}
	e.apply(t)
	e.want(t, everything, nil)
}
