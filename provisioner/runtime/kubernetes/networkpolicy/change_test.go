package networkpolicy_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	onlyB   = "x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}"
	onlyC   = "x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}"
	onlyRed = "x: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {matchLabels: {colour: red}}}, {podSelector: {matchLabels: {colour: red}}}]}]}"
)

// TestChange follows the rules through what happens to policies, labels, pods and
// the enforcer itself.
func TestChange(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	e := newEnforced(t)
	stop := e.start(t, "node1")
	e.start(t, "node2")

	t.Run("a policy is made, changed and deleted", func(t *testing.T) {
		e.apply(t, onlyB)
		e.want(t, []string{"x/b > x/a"}, []string{"x/c > x/a"})
		api := e.client.NetworkingV1().NetworkPolicies("x")
		p, err := api.Get(t.Context(), "policy-0", metav1.GetOptions{})
		must(t, err)
		p.Spec = policies(t, []string{onlyC})[0].Spec
		_, err = api.Update(t.Context(), p, metav1.UpdateOptions{})
		must(t, err)
		e.want(t, []string{"x/c > x/a"}, []string{"x/b > x/a"})
		must(t, api.Delete(t.Context(), "policy-0", metav1.DeleteOptions{}))
		e.want(t, []string{"x/c > x/a", "x/b > x/a"}, nil)
	})

	t.Run("labels of a namespace and of a pod change", func(t *testing.T) {
		e.apply(t, onlyRed)
		e.want(t, nil, []string{"w/a > x/a", "w/b > x/a", "x/b > x/a", "x/c > x/a"})
		ns, err := e.client.CoreV1().Namespaces().Get(t.Context(), "w", metav1.GetOptions{})
		must(t, err)
		ns.Labels["colour"] = "red"
		_, err = e.client.CoreV1().Namespaces().Update(t.Context(), ns, metav1.UpdateOptions{})
		must(t, err)
		e.want(t, []string{"w/a > x/a", "w/b > x/a"}, []string{"x/b > x/a", "x/c > x/a"})
		pod, err := e.client.CoreV1().Pods("x").Get(t.Context(), "c", metav1.GetOptions{})
		must(t, err)
		pod.Labels["colour"] = "red"
		_, err = e.client.CoreV1().Pods("x").Update(t.Context(), pod, metav1.UpdateOptions{})
		must(t, err)
		delete(ns.Labels, "colour")
		_, err = e.client.CoreV1().Namespaces().Update(t.Context(), ns, metav1.UpdateOptions{})
		must(t, err)
		e.want(t, []string{"x/c > x/a"}, []string{"w/a > x/a", "w/b > x/a", "x/b > x/a"})
		e.apply(t)
	})

	t.Run("an open connection is cut, and goes on when allowed again", func(t *testing.T) {
		e.want(t, []string{"x/c > x/a", "x/b > x/a"}, nil)
		near, err := e.dial("x/b", "x/a", patience)
		must(t, err)
		defer near.Close()
		far, err := e.dial("x/c", "x/a", patience)
		must(t, err)
		defer far.Close()
		must(t, errors.Join(echo(near, patience), echo(far, patience)))
		e.apply(t, onlyB)
		e.want(t, []string{"x/b > x/a"}, []string{"x/c > x/a"})
		must(t, echo(near, patience))
		if err := echo(far, timeout); err == nil {
			t.Error("the connection of a pod that is no longer allowed has an answer")
		}
		e.apply(t)
		e.want(t, []string{"x/c > x/a"}, nil)
		must(t, echo(far, patience)) // TCP sends it again
	})

	t.Run("a new pod", func(t *testing.T) {
		e.apply(t, "x: {podSelector: {matchLabels: {pod: new}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: a}}}]}]}")
		e.want(t, []string{"x/b > x/a"}, []string{"x/new > x/a", "x/new > x/b", "x/b > x/new"}) // nobody's, as yet
		e.result(t, "x/new")
		e.want(t, []string{"x/new > x/a", "x/b > x/new"}, []string{"x/new > x/b", "x/new > x/c"})
		must(t, os.Remove(filepath.Join(e.results, "new")))
		e.want(t, nil, []string{"x/new > x/a", "x/b > x/new"})
		e.apply(t)
		e.want(t, []string{"x/new > x/a", "x/new > x/b", "x/b > x/new"}, nil)
	})

	t.Run("a restart", func(t *testing.T) {
		e.apply(t, onlyB)
		e.want(t, []string{"x/b > x/a"}, []string{"x/c > x/a"})
		stop()
		e.want(t, []string{"x/b > x/a"}, []string{"x/c > x/a"})
		done := make(chan struct{})
		go func() { // what is allowed and what is not stay so, all the while
			defer close(done)
			for range 8 {
				if err := errors.Join(e.probe([]string{"x/b > x/a", "x/b > x/a/6"}, true, patience), e.probe([]string{"x/c > x/a", "x/c > x/a/6"}, false, timeout)); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 4 {
			stop := e.start(t, "node1")
			e.want(t, []string{"x/b > x/a"}, []string{"x/c > x/a"})
			stop()
		}
		<-done
		stop = e.start(t, "node1")
		e.apply(t)
		e.want(t, []string{"x/b > x/a", "x/c > x/a", "x/c > 10.96.0.10:80"}, nil)
	})
}

// result writes what libcni leaves of a pod's sandbox.
func (e *enforced) result(t *testing.T, pod string) {
	text, err := json.Marshal(map[string]any{
		"kind": "cniCacheV1", "containerId": "1", "ifName": "eth0", "networkName": "pods",
		"cniArgs": [][2]string{{"IgnoreUnknown", "1"}, {"K8S_POD_NAMESPACE", pod[:1]}, {"K8S_POD_NAME", pod[2:]}},
		"result":  map[string]any{"cniVersion": "1.0.0", "ips": []any{map[string]any{"interface": 1, "address": e.addrs[pod] + "/24"}}},
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(e.results, "new"), text, 0o600))
}
