// Package networkpolicy enforces NetworkPolicies (networking.k8s.io/v1) for the
// pods of one node, with nftables. It runs on every node, beside kube-proxy, in a
// table of its own; it knows nothing of Services, because a packet is judged after
// kube-proxy has chosen the pod and before any source address is rewritten.
//
// It expects that every packet between pods is routed through the node's network
// namespace, as the ptp CNI plugin has it: the rules sit in the forward hook. What
// the node itself sends to its pods does not pass there and so is always allowed,
// as upstream asks for.
//
// # Why an enforcer of our own
//
// sigs.k8s.io/kube-network-policies (v0.8.0, the newest module) hands packets to a
// program through NFQUEUE; kernels without CONFIG_NFT_QUEUE refuse its rules, and
// its evaluation cannot be used without: it is unexported methods of a controller
// that opens the queue, one packet at a time, written against Kubernetes 0.32.
// Calico's Felix is no released Go module: github.com/projectcalico/calico has no
// versions that can be required, and Felix also wants a datastore and routes of its
// own. What a node needs, given that conntrack, sets and verdict maps are in the
// kernel, is a translation from objects to one small ruleset: that is what is here.
//
// # What upstream leaves open, and what is done
//
//   - A connection that a policy newly forbids is cut at once: packets from the
//     side that opened it are judged again, replies pass.
//   - A pod is guarded from its first packet, if Options say where the CNI plug-ins'
//     results are: its address is read there, before its containers start, and until
//     its policies are known that address is cut off.
//   - What is not allowed is dropped, not refused: a client sees a time-out.
//   - A port by name in a rule is the port of that name of the pod that the packet
//     goes to; addresses that are no pod's have no names.
//   - A masqueraded source (a NodePort or load balancer address whose chosen pod
//     is on another node) is the masquerading node's address there.
//   - The rules stay in the kernel when the enforcer ends, and the next one replaces
//     them in one transaction: a restart neither opens nor breaks anything.
package networkpolicy
