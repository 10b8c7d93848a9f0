package networkpolicy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
)

// pick takes one of some, each as likely.
func pick[T any](r *rand.Rand, some ...T) T { return some[r.IntN(len(some))] }

// some joins up to most of what f makes.
func some(r *rand.Rand, most int, f func(*rand.Rand) string) string {
	var all []string
	for range r.IntN(most + 1) {
		all = append(all, f(r))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func randomSelector(r *rand.Rand) string {
	return pick(r, "{}", "{}", "{matchLabels: {pod: a}}", "{matchLabels: {pod: b}}", "{matchExpressions: [{key: pod, operator: NotIn, values: [c]}]}",
		"{matchLabels: {ns: x}}", "{matchLabels: {ns: w}}", "{matchExpressions: [{key: pod, operator: Exists}]}", "{matchExpressions: [{key: ns, operator: In, values: [x, z]}]}")
}

func randomPeer(r *rand.Rand) string {
	return pick(r, "podSelector: "+randomSelector(r), "namespaceSelector: "+randomSelector(r), "podSelector: "+randomSelector(r)+", namespaceSelector: "+randomSelector(r),
		fmt.Sprintf("ipBlock: {cidr: 10.244.%d.0/24}", r.IntN(3)), fmt.Sprintf("ipBlock: {cidr: 10.244.%d.%d/31}", r.IntN(3), 10+r.IntN(3)),
		fmt.Sprintf("ipBlock: {cidr: 0.0.0.0/0, except: [10.244.%d.0/24, 10.244.%d.10/31, 255.0.0.0/8]}", r.IntN(3), r.IntN(3)),
		"ipBlock: {cidr: '::/0'}", "ipBlock: {cidr: 'fd00:244::/32', except: ['fd00:244:1::/64']}")
}

func randomPort(r *rand.Rand) string {
	port := pick(r, "port: 80", "port: 81", "port: 70, endPort: 80", "port: 81, endPort: 65535", "port: 1, endPort: 65535", "port: serve-80-tcp", "port: serve-81-tcp", "port: serve-81-sctp", "")
	protocol := pick(r, "", "protocol: TCP", "protocol: UDP", "protocol: SCTP")
	return "{" + strings.Trim(port+", "+protocol, ", ") + "}"
}

func randomPolicy(r *rand.Rand) string {
	rules := func(peers string) string {
		return some(r, 2, func(r *rand.Rand) string {
			return "{" + peers + ": " + some(r, 3, func(r *rand.Rand) string { return "{" + randomPeer(r) + "}" }) + ", ports: " + some(r, 3, randomPort) + "}"
		})
	}
	return fmt.Sprintf("%s: {podSelector: %s, policyTypes: %s, ingress: %s, egress: %s}", pick(r, "x", "w", "z"), randomSelector(r),
		pick(r, "[]", "[Ingress]", "[Egress]", "[Ingress, Egress]"), rules("from"), rules("to"))
}

// TestRandom compares rulesets with the judgement that the API's documentation
// gives of one packet, read straight from the objects.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWorld()
	w.pod("z/c").Spec.HostNetwork = true
	passed := 0
	for range 600 {
		var texts []string
		for range 1 + r.IntN(4) {
			texts = append(texts, randomPolicy(r))
		}
		list := policies(t, texts)
		for range 40 {
			from, to := pick(r, w.pods...), pick(r, w.pods...)
			family := r.IntN(2)
			p := packet{netip.MustParseAddr(from.Status.PodIPs[family].IP), netip.MustParseAddr(to.Status.PodIPs[family].IP),
				pick(r, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP), pick[uint16](r, 69, 70, 80, 81, 82, 65535)}
			got, want := w.reaches(list, p), w.judge(list, from, to, p)
			if got != want {
				t.Fatalf("%+v: allowed %t, want %t, by\n%s", p, got, want, strings.Join(texts, "\n"))
			}
			if got {
				passed++
			}
		}
	}
	if passed < 4000 || passed > 20000 {
		t.Errorf("%d of 24000 packets passed: the policies are not of both kinds", passed)
	}
}

// TestRandomInKernel goes from one ruleset to another and wants the same in the
// kernel as if the last had been the first.
func TestRandomInKernel(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	run(t, "", "ip", "netns", "add", "changed")
	run(t, "", "ip", "netns", "add", "fresh")
	r := rand.New(rand.NewPCG(3, 4))
	w := newWorld()
	changed, fresh := networkpolicy.NewKernel(newNFT(t, "changed")), newNFT(t, "fresh")
	var list []*networkingv1.NetworkPolicy
	for step := range 60 {
		switch r.IntN(8) {
		case 0:
			list = nil
		case 1, 2:
			pick(r, w.pods...).Status.Phase = pick(r, corev1.PodRunning, corev1.PodFailed)
		case 3:
			pick(r, w.pods...).Labels["pod"] = pick(r, "a", "b", "c")
		default:
			list = slices.Clone(list)
			one := policies(t, []string{randomPolicy(r)})[0]
			one.Name = fmt.Sprint("policy-", r.IntN(5), strings.Repeat(".long", r.IntN(2)*48))
			list = slices.DeleteFunc(list, func(p *networkingv1.NetworkPolicy) bool { return p.Name == one.Name })
			list = append(list, one)
		}
		s := w.snapshot("node-a", list)
		if r.IntN(2) == 0 {
			s.PodCIDRs = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/24")}
		}
		ruleset := networkpolicy.Compute(s)
		if err := changed.Apply(t.Context(), ruleset); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		must(t, networkpolicy.NewKernel(fresh).Apply(t.Context(), ruleset))
		if got, want := listing(t, "changed"), listing(t, "fresh"); got != want {
			t.Fatalf("step %d: got\n%s\nwant\n%s", step, got, want)
		}
	}
}

// listing is all that nft knows in a namespace, in an order that does not depend
// on how it came to be.
func listing(t *testing.T, ns netns) string {
	var text []byte
	must(t, ns.do(func() (err error) {
		text, err = exec.Command("nft", "--json", "list", "ruleset").Output()
		return err
	}))
	var all struct{ Nftables []map[string]map[string]any }
	must(t, json.Unmarshal(text, &all))
	var lines []string
	rules := 0 // those of a chain come one after the other
	for _, object := range all.Nftables {
		for kind, o := range object {
			delete(o, "handle")
			if elements, ok := o["elem"].([]any); ok {
				slices.SortFunc(elements, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			line := fmt.Sprint(kind, o)
			if kind == "rule" {
				rules++
				line = fmt.Sprintf("rule %v %04d %v", o["chain"], rules, o["expr"])
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	for i, line := range lines { // the count is for the order only
		if strings.HasPrefix(line, "rule ") {
			words := strings.SplitN(line, " ", 4)
			lines[i] = words[0] + " " + words[1] + " " + words[3]
		}
	}
	return strings.Join(lines, "\n")
}
