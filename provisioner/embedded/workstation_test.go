package embedded_test

import (
	"strings"
	"testing"

	"wheelhouse/labs/terminal"
	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner/embedded"
)

// testWorkstation: what the labs' texts use is there and works, and a student
// does not get beyond it.
func testWorkstation(t *testing.T, w workstationtest.Workstation) {
	w.Check(t, workstationtest.Basics)
	w.Check(t, []workstationtest.Case{
		{Name: "no network beyond the cluster", Script: `ip route get 1.1.1.1 | head -1; curl -sS --max-time 5 http://1.1.1.1 2>&1 || echo refused`, Want: `refused$`},
		{Name: "names from outside fail at once", Script: `timeout 2 curl -sS http://example.com 2>&1; echo $?`, Want: `\n6$`},
	})
	w.Refuse(t, workstationtest.Walls)
}

// testDrain empties a node and gives it back.
func testDrain(t *testing.T, w workstationtest.Workstation) {
	f := feature{name: "moved", files: []string{"moved.yaml"}, want: `(?s)^worker-1\n.*drained\n.*node/worker-1 uncordoned$`,
		script: `kubectl rollout status deployment/web --timeout=90s >/dev/null
		nodes() { kubectl get pods -l app=web --field-selector=status.phase=Running -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | uniq; }
		nodes | grep worker-1
		kubectl drain worker-1 --ignore-daemonsets --delete-emptydir-data --force --timeout=100s 2>&1
		try 60 shows '^control-plane$' nodes; kubectl rollout status deployment/web --timeout=90s
		kubectl uncordon worker-1`}
	f.test(t, w)
}

// testOther: neither a workstation nor a pod reaches another cluster, even with
// that one's credentials.
func testOther(t *testing.T, p *embedded.Provider, other string, w workstationtest.Workstation) {
	access, err := p.Access(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := access.Student()
	if err != nil {
		t.Fatal(err)
	}
	if err := terminal.WriteFile(t.Context(), w.Dial, "/home/student/other", 0o600, kubeconfig); err != nil {
		t.Fatal(err)
	}
	server := strings.TrimPrefix(access.Server, "https://") // on this machine's loopback
	port := server[strings.LastIndex(server, ":"):]
	w.Refuse(t, []workstationtest.Case{
		{Name: "with its credentials", Script: `kubectl --kubeconfig ~/other get nodes`},
		{Name: "with its credentials, unchecked", Script: `kubectl --kubeconfig ~/other --insecure-skip-tls-verify --certificate-authority= get nodes`},
		{Name: "by loopback", Script: workstationtest.Curl + access.Server},
		{Name: "by the gateway", Script: workstationtest.Curl + "https://172.30.0.1" + port},
		{Name: "by name", Script: workstationtest.Curl + "https://" + other + ":6443"},
		{Name: "from a pod", Script: inPod("/tmp/escape dial tcp=" + server + " tcp=172.30.0.1" + port)},
	})
	if nodes, exit := w.Run(t, "kubectl get nodes -o name"); exit != 0 || !strings.Contains(nodes, "worker-1") {
		t.Errorf("with its own credentials: exit code %d, got %q", exit, nodes)
	}
}
