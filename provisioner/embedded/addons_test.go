package embedded_test

import (
	"strings"
	"testing"

	"wheelhouse/provisioner/provisionertest"
)

// TestAddons: what `kubectl delete all --all -A` takes away of a cluster's add-ons
// comes back; what was changed of them stays changed. The cluster has one node, so
// that node takes Pods.
func TestAddons(t *testing.T) {
	provisionertest.NeedsPack(t)
	t.Parallel()
	dir := t.TempDir()
	p := newProvider(t, optionsAt(t, dir))
	w := openWorkstation(t, p, newCluster(t, p, dir, 0))

	t.Run("no taint", func(t *testing.T) {
		if said, exit := w.Run(t, `kubectl get node control-plane -o jsonpath='{.spec.taints}'`); exit != 0 || said != "" {
			t.Errorf("exit code %d, got the taints %s", exit, said)
		}
	})
	t.Run("changed", func(t *testing.T) {
		said, exit := w.Run(t, prelude+`kubectl scale -n kube-system deployment coredns --replicas=0
			kubectl patch -n kube-system configmap coredns -p '{"data":{"Corefile":"broken"}}'
			kubectl delete -n kube-system service metrics-server
			try 60 kubectl get -n kube-system service metrics-server >/dev/null 2>&1
			try 10 shows AddonRestored kubectl get events -n kube-system --field-selector involvedObject.name=metrics-server
			kubectl get -n kube-system deployment coredns -o jsonpath='{.spec.replicas} '; kubectl get -n kube-system configmap coredns -o jsonpath='{.data.Corefile}'`)
		if exit != 0 || !strings.HasSuffix(said, "\n0 broken") {
			t.Errorf("exit code %d, got %s", exit, said)
		}
	})
	t.Run("deleted", func(t *testing.T) {
		said, exit := w.Run(t, prelude+`kubectl delete -n kube-system configmap coredns
			kubectl delete all --all -A --wait=false >/dev/null
			try 60 kubectl rollout status -n kube-system deployment coredns --timeout=30s >/dev/null 2>&1
			try 20 kubectl get serviceaccount default >/dev/null 2>&1
			kubectl run asks --image=busybox:1.36 -- sleep 1000 >/dev/null; kubectl wait --for=condition=Ready pod/asks --timeout=60s >/dev/null
			try 60 shows 'Address: 10.96.0.1' kubectl exec asks -- nslookup kubernetes.default.svc.cluster.local
			kubectl rollout status -n local-path-storage deployment local-path-provisioner --timeout=60s >/dev/null
			try 150 kubectl top nodes >/dev/null 2>&1; echo all back`)
		if exit != 0 || !strings.HasSuffix(said, "all back") {
			t.Errorf("exit code %d, got %s", exit, said)
		}
	})
}
