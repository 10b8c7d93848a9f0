package networkpolicy_test

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The cases are those of upstream's end-to-end tests, in our words:
// k8s.io/kubernetes test/e2e/network/netpol/network_policy.go.
func TestCompute(t *testing.T) {
	const tcp, udp, sctp = corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP
	tests := []struct {
		name     string
		policies []string
		change   func(*world)
		protocol corev1.Protocol // TCP if empty
		port     uint16          // 80 if 0
		want     []string
	}{
		{name: "no policy"},
		{name: "default deny of ingress",
			policies: []string{"x: {podSelector: {}, policyTypes: [Ingress]}"},
			want:     []string{"deny * > x/*"}},
		{name: "default deny of egress leaves ingress alone",
			policies: []string{"x: {podSelector: {}, policyTypes: [Egress]}"},
			want:     []string{"deny x/* > *"}},
		{name: "default deny of both",
			policies: []string{"x: {podSelector: {}, policyTypes: [Ingress, Egress]}"},
			want:     []string{"deny * > x/*", "deny x/* > *"}},
		{name: "types default to ingress",
			policies: []string{"x: {podSelector: {}}"},
			want:     []string{"deny * > x/*"}},
		{name: "types default to both where there are egress rules",
			policies: []string{"x: {podSelector: {}, egress: [{}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "egress rules count for nothing if the types leave them out",
			policies: []string{"x: {podSelector: {}, policyTypes: [Ingress], ingress: [{}], egress: [{to: [{podSelector: {}}]}]}"}},
		{name: "an empty rule allows all",
			policies: []string{"x: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}"}},
		{name: "an empty list of peers allows all",
			policies: []string{"x: {podSelector: {}, ingress: [{from: []}]}"}},
		{name: "only the selected pod is isolated",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}}"},
			want:     []string{"deny * > x/a"}},
		{name: "a selector that selects none",
			policies: []string{"x: {podSelector: {matchLabels: {pod: q}}}"}},
		{name: "pods of the same namespace",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}"},
			want:     []string{"deny * > x/a", "allow x/b > x/a"}},
		{name: "an empty pod selector is the namespace",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"},
			want:     []string{"deny * > x/*", "allow x/* > x/*"}},
		{name: "pods by expression",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]}"},
			want:     []string{"deny * > x/a", "allow x/[bc] > x/a"}},
		{name: "pods by what they lack",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [b]}]}}]}]}"},
			want:     []string{"deny * > x/*", "allow x/[ac] > x/*"}},
		{name: "namespaces by label",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}"},
			want:     []string{"deny * > x/a", "allow w/* > x/a"}},
		{name: "a namespace by its name",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}]}]}"},
			want:     []string{"deny * > x/*", "allow z/* > x/*"}},
		{name: "an empty namespace selector is every pod",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"}},
		{name: "namespaces by expression",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x, w]}]}}]}]}"},
			want:     []string{"deny * > x/*", "allow z/* > x/*"}},
		{name: "a namespace's labels change",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}"},
			change:   func(w *world) { w.namespaces["z"]["team"] = "blue" },
			want:     []string{"deny * > x/*", "allow z/* > x/*"}},
		{name: "a pod of a namespace that is not known",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"},
			change:   func(w *world) { delete(w.namespaces, "z") },
			want:     []string{"deny z/* > x/*"}},
		{name: "pods of namespaces: both selectors of one peer",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}, podSelector: {matchLabels: {pod: b}}}]}]}"},
			want:     []string{"deny * > x/a", "allow w/b > x/a"}},
		{name: "pods or namespaces: two peers",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}, {podSelector: {matchLabels: {pod: b}}}]}]}"},
			want:     []string{"deny * > x/a", "allow w/* > x/a", "allow x/b > x/a"}},
		{name: "policies add up",
			policies: []string{
				"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}",
				"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}"},
			want: []string{"deny * > x/*", "allow w/* > x/*", "allow x/b > x/a"}},
		{name: "allow all adds up with deny all",
			policies: []string{"x: {podSelector: {}}", "x: {podSelector: {}, ingress: [{}]}"}},
		{name: "both ends have to allow",
			policies: []string{
				"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}",
				"w: {podSelector: {matchLabels: {pod: b}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}}]}]}"},
			want: []string{"deny x/a > *", "allow x/a > w/*", "deny * > w/b", "allow z/* > w/b"}},
		{name: "egress to a namespace",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}"},
			want:     []string{"deny x/a > *", "allow x/a > w/*"}},

		{name: "a port that is allowed",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"}},
		{name: "a port that is not",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"}, port: 81,
			want: []string{"deny * > x/*"}},
		{name: "the protocol is TCP unless given",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"}, protocol: udp,
			want: []string{"deny * > x/*"}},
		{name: "a port of another protocol",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 80, protocol: UDP}]}]}"}, protocol: udp},
		{name: "SCTP",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 81, protocol: SCTP}]}]}"}, protocol: sctp, port: 81},
		{name: "a protocol without a port",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}"}, port: 12345},
		{name: "a protocol without a port, and another",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}"}, protocol: udp,
			want: []string{"deny * > x/*"}},
		{name: "no ports is every protocol",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}]}]}"}, protocol: sctp,
			want: []string{"deny * > x/*", "allow w/* > x/*"}},
		{name: "peers and ports of a rule both have to match",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}], ports: [{port: 81}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "rules of a policy add up",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}], ports: [{port: 81}]}, {from: [{namespaceSelector: {matchLabels: {ns: z}}}], ports: [{port: 80}]}]}"},
			want:     []string{"deny * > x/*", "allow z/* > x/*"}},
		{name: "the start of a range", port: 32,
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 32, endPort: 80}]}]}"}},
		{name: "the end of a range", port: 80,
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 32, endPort: 80}]}]}"}},
		{name: "past a range", port: 81,
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: 32, endPort: 80}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "egress to a range", port: 80,
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{ports: [{port: 81, endPort: 90}]}]}"},
			want:     []string{"deny x/a > *"}},
		{name: "a named port",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: serve-80-tcp}]}]}"}},
		{name: "a named port is not another",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: serve-81-tcp}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "a name of a port of another protocol",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: serve-80-udp, protocol: TCP}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "a name that no container has",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: nobody}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "a named port is each pod's own",
			policies: []string{"x: {podSelector: {}, ingress: [{ports: [{port: serve-80-tcp}]}]}"},
			change:   func(w *world) { w.pod("x/b").Spec.Containers[0].Ports[0].ContainerPort = 8080 },
			want:     []string{"deny * > x/b"}},
		{name: "a named port to egress is the other pod's",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{ports: [{port: serve-80-tcp}]}]}"},
			change:   func(w *world) { w.pod("w/b").Spec.Containers[0].Ports = nil },
			want:     []string{"deny x/a > w/b"}},
		{name: "a named port of a sidecar",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: side}]}]}"},
			change: func(w *world) {
				always := corev1.ContainerRestartPolicyAlways
				w.pod("x/a").Spec.InitContainers = []corev1.Container{{RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "side", ContainerPort: 80}}}}
			}},
		{name: "a named port of an init container that ends",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: side}]}]}"},
			change: func(w *world) {
				w.pod("x/a").Spec.InitContainers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "side", ContainerPort: 80}}}}
			},
			want: []string{"deny * > x/a"}},

		{name: "a block", // 10.244.1.0/24 is node-b's
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.0/24}}]}]}"},
			want:     []string{"deny * > x/a", "allow */b > x/a"}},
		{name: "a block with an exception",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/24]}}]}]}"},
			want:     []string{"deny x/a > */b"}},
		{name: "another block allows what one excepts",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/24]}}, {ipBlock: {cidr: 10.244.1.11/32}}]}]}"},
			want:     []string{"deny x/a > */b", "allow x/a > w/b"}},
		{name: "a selector allows what a block excepts",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}, {podSelector: {matchLabels: {pod: b}}}]}]}"},
			want:     []string{"deny x/a > *", "allow x/a > x/b"}},
		{name: "all addresses but a hole",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.2.0/24, 10.244.2.12/32]}}]}]}"},
			want:     []string{"deny */c > x/*"}},
		{name: "a block of the other family",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}"},
			want:     []string{"deny * > x/*"}},
		{name: "a block as written before 1.36, with zeros and host bits",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{ipBlock: {cidr: 010.244.01.7/24}}]}]}"},
			want:     []string{"deny * > x/a", "allow */b > x/a"}},

		{name: "a pod's labels change",
			policies: []string{"x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}"},
			change:   func(w *world) { w.pod("x/c").Labels["role"] = "client" },
			want:     []string{"deny * > x/a", "allow x/c > x/a"}},
		{name: "a pod on the node's network is not isolated",
			policies: []string{"x: {podSelector: {}, policyTypes: [Ingress, Egress]}"},
			change:   func(w *world) { w.pod("x/a").Spec.HostNetwork = true },
			want:     []string{"deny * > x/[bc]", "deny x/[bc] > *"}},
		{name: "a pod on the node's network is in no selector",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"},
			change:   func(w *world) { w.pod("x/a").Spec.HostNetwork = true },
			want:     []string{"deny * > x/[bc]", "allow x/[bc] > x/[bc]"}},
		{name: "a pod on the node's network is in a block",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.10/32}}]}]}"},
			change:   func(w *world) { w.pod("x/a").Spec.HostNetwork = true },
			want:     []string{"deny * > x/[bc]", "allow x/a > x/[bc]"}},
		{name: "a finished pod is in no selector",
			policies: []string{"x: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"},
			change:   func(w *world) { w.pod("x/a").Status.Phase = corev1.PodSucceeded },
			want:     []string{"deny * > x/[bc]", "allow x/[bc] > x/[bc]"}},
		{name: "policies of another namespace",
			policies: []string{"elsewhere: {podSelector: {}}"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			if test.change != nil {
				test.change(w)
			}
			list := policies(t, test.policies)
			p := packet{protocol: tcp, port: 80}
			if test.protocol != "" {
				p.protocol = test.protocol
			}
			if test.port != 0 {
				p.port = test.port
			}
			for _, from := range w.pods {
				for _, to := range w.pods {
					p.from, p.to = netip.MustParseAddr(from.Status.PodIP), netip.MustParseAddr(to.Status.PodIP)
					name, other := from.Namespace+"/"+from.Name, to.Namespace+"/"+to.Name
					if got, want := w.reaches(list, p), expect(t, test.want, name, other); got != want {
						t.Errorf("%s > %s %s %d: allowed %t, want %t", name, other, p.protocol, p.port, got, want)
					}
				}
			}
		})
	}
}
