package kind_test

import (
	"slices"
	"testing"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/kind"
)

// testAddons: what `kubectl delete` takes away of a cluster's add-ons is named, and
// comes back; what was changed is not missing.
func testAddons(t *testing.T, p *kind.Provider, name string, w workstationtest.Workstation) {
	missing := func() []string {
		t.Helper()
		names, err := p.MissingAddons(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got := missing(); len(got) != 0 {
		t.Errorf("a new cluster lacks %q", got)
	}
	if said, exit := w.Run(t, `kubectl scale -n local-path-storage deployment local-path-provisioner --replicas=0
		kubectl delete -n kube-system deployment/coredns service/kube-dns configmap/coredns`); exit != 0 {
		t.Fatalf("exit code %d: %s", exit, said)
	}
	if got, want := missing(), []string{"Deployment kube-system/coredns", "Service kube-system/kube-dns"}; !slices.Equal(got, want) {
		t.Errorf("missing: got %q, want %q", got, want)
	}
	if err := p.RestoreAddons(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if got := missing(); len(got) != 0 {
		t.Errorf("after the repair, the cluster lacks %q", got)
	}
	w.Check(t, []workstationtest.Case{
		{Name: "scaled", Script: `kubectl get -n local-path-storage deployment local-path-provisioner -o jsonpath='{.spec.replicas}'
			kubectl scale -n local-path-storage deployment local-path-provisioner --replicas=1 >/dev/null`, Want: "^0$"},
		{Name: "runs again", Script: `kubectl rollout status -n kube-system deployment coredns --timeout=90s`, Want: "successfully rolled out"},
	})
}
