package kind_test

import (
	"slices"
	"strings"
	"testing"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/kind"
)

// testWorkstation: what the labs' texts use is there and works.
func testWorkstation(t *testing.T, w workstation) {
	w.Check(t, append(slices.Clone(workstationtest.Basics), workstationtest.Case{
		Name:   "exec reaches nodes",
		Script: `kubectl -n kube-system exec etcd-$(kubectl get nodes -o name | grep control | cut -d/ -f2) -- etcdctl version 2>&1 | head -1`,
		Want:   `etcd`,
	}))
}

// testWalls: what a student tries to get beyond the workstation.
func testWalls(t *testing.T, p *kind.Provider, w workstation, other string) {
	access, err := p.Access(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Fields(docker(t, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}", other+"-control-plane"))
	port := access.Server[strings.LastIndex(access.Server, ":")+1:]
	const curl = workstationtest.Curl
	w.Refuse(t, append(slices.Clone(workstationtest.Walls), []workstationtest.Case{
		{Name: "another cluster by name", Script: curl + "https://" + other + "-control-plane:6443/"},
		{Name: "another cluster by address", Script: curl + "https://" + address[0] + ":6443/"},
		{Name: "another cluster by its gateway", Script: curl + "https://" + address[1] + ":" + port + "/"},
		{Name: "another cluster by this machine", Script: curl + "https://$(ip route show default | cut -d' ' -f3):" + port + "/"},
	}...))
}
