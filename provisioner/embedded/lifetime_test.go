package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wheelhouse/labs/terminal/workstationtest"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
)

// testPace: while nothing goes on, the components of all nodes let their timers be
// late, and no other process does; once something does, they are exact.
func testPace(t *testing.T, name string, w workstationtest.Workstation) {
	const restSlack = "500000000" // nanoseconds, of package machine
	components := []string{"containerd --config", "containerd --config", "kubernetes control-plane", "kubernetes kubelet",
		"kubernetes kubelet", "kubernetes node-network", "kubernetes node-network"}
	await(t, "the components' timers are as exact as if something went on", func() bool {
		return slices.Equal(withSlack(t, name, restSlack), components)
	})
	if said, exit := w.Run(t, "kubectl create configmap stirred"); exit != 0 {
		t.Fatal(said)
	}
	await(t, "some timers are late, though something goes on", func() bool {
		return len(withSlack(t, name, restSlack)) == 0
	})
	w.Run(t, "kubectl delete configmap stirred")
}

// withSlack lists the cluster's processes whose threads all have the slack, by the
// first two words of their command lines. One of which only some have it is told as
// mixed.
func withSlack(t *testing.T, name, slack string) []string {
	t.Helper()
	var found []string
	for _, dir := range clusterProcesses(t, name) {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		words := strings.Split(string(line), "\x00")
		program := strings.Join(append([]string{filepath.Base(words[0])}, words[1:min(2, len(words))]...), " ")
		threads, err := filepath.Glob(dir + "/task/*")
		if err != nil {
			t.Fatal(err)
		}
		with := 0
		for _, thread := range threads {
			text, err := os.ReadFile(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns"))
			if err != nil || strings.TrimSpace(string(text)) == slack {
				with++ // or ended
			}
		}
		switch with {
		case 0:
		case len(threads):
			found = append(found, program)
		default:
			found = append(found, program+" (mixed)")
		}
	}
	slices.Sort(found)
	return found
}

// testFreeze: a frozen cluster takes no processor time; thawed after its nodes'
// leases have run out, it goes on, the controller manager takes no node for dead,
// and a watch that was open before works.
func testFreeze(t *testing.T, p *embedded.Provider, name string, w workstationtest.Workstation) {
	if said, exit := w.Run(t, `kubectl create configmap thawed --from-literal=a=before &&
		(setsid kubectl get configmap thawed --watch -o jsonpath='{.data.a}{"\n"}' >watched 2>&1 &) ; for i in $(seq 100); do grep -q before watched && exit 0; sleep 0.1; done; exit 1`); exit != 0 {
		t.Fatal(said)
	}
	if err := p.Freeze(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	defer p.Thaw(context.WithoutCancel(t.Context()), name) // where the test ends early
	before := processorTime(t, name)
	<-time.After(time.Minute) // what is measured; the controller manager gives a node 50 s
	if after := processorTime(t, name); after != before {
		t.Errorf("frozen, it took %s of processor time in a minute", after-before)
	}
	if err := p.Thaw(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if said, exit := w.Run(t, `kubectl patch configmap thawed -p '{"data":{"a":"after"}}' && for i in $(seq 100); do grep -q after watched && exit 0; sleep 0.1; done; cat watched; exit 1`); exit != 0 {
		t.Errorf("the watch that was open before: %s", said)
	}
	// The controller looks at the nodes every five seconds. A kubelet may say of
	// itself that its runtime is down, until it looks again.
	if said, exit := w.Run(t, `for i in $(seq 24); do kubectl get events -A --field-selector reason=NodeNotReady,reportingComponent=node-controller -o name | grep . && exit 1; sleep 0.5; done
		kubectl wait --for=condition=Ready node --all --timeout=30s`); exit != 0 {
		t.Errorf("a node was taken for dead: %s", said)
	}
	w.Run(t, "pkill kubectl; kubectl delete configmap thawed")
}

// testNode: a node that is stopped is found dead, and comes back.
func testNode(t *testing.T, p *embedded.Provider, name string, w workstationtest.Workstation) {
	var problem *provisioner.Error
	if err := p.StopNode(t.Context(), name, "worker-7"); !errors.As(err, &problem) || problem.Reason != provisioner.NoNode {
		t.Errorf("a node that is not there: got %v, want NoNode", err)
	}
	for range 2 { // twice is no error
		if err := p.StopNode(t.Context(), name, "worker-1"); err != nil {
			t.Fatal(err)
		}
	}
	clusters, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(clusters, func(c provisioner.Cluster) bool {
		return c.Name == name && c.State == provisioner.Ready && c.Message == "Stopped on request: worker-1."
	}) {
		t.Errorf("with a node stopped: got %+v", clusters)
	}
	if said, exit := w.Run(t, `kubectl wait --for=condition=Ready=Unknown node/worker-1 --timeout=120s`); exit != 0 {
		t.Error(said)
	}
	testRegistered(t, p, name, w)
	for range 2 {
		if err := p.StartNode(t.Context(), name, "worker-1"); err != nil {
			t.Fatal(err)
		}
	}
	if said, exit := w.Run(t, `kubectl wait --for=condition=Ready node/worker-1 --timeout=60s && kubectl wait -n kube-system --for=jsonpath={.status.phase}=Running pod/early --timeout=60s
		kubectl delete pod -n kube-system early --now`); exit != 0 {
		t.Errorf("a Pod that was given to a node before its kubelet began: %s", said)
	}
}

// testRegistered: a node's object says what the node has before its kubelet does, and
// a critical Pod can be given to it then. The node is down, so its kubelet says nothing.
func testRegistered(t *testing.T, p *embedded.Provider, name string, w workstationtest.Workstation) {
	if said, exit := w.Run(t, `kubectl delete node worker-1`); exit != 0 {
		t.Fatal(said)
	}
	kill(t, name, "kubernetes control-plane")
	await(t, "the node is not registered again", func() bool {
		_, exit := w.Run(t, `kubectl get node worker-1`)
		return exit == 0
	})
	said, exit := w.Run(t, `kubectl get node worker-1 -o jsonpath='{.status.allocatable.cpu} {.status.allocatable.memory} {.status.allocatable.pods} {.metadata.labels.kubernetes\.io/os}'
		kubectl run -n kube-system early --image=busybox:1.36 --overrides='{"spec":{"nodeName":"worker-1","priorityClassName":"system-cluster-critical","nodeSelector":{"kubernetes.io/os":"linux"},
			"containers":[{"name":"early","image":"busybox:1.36","command":["sleep","1000"],"resources":{"requests":{"cpu":"100m","memory":"70Mi"}}}]}}' >/dev/null`)
	if exit != 0 || !regexp.MustCompile(`^[1-9]\d* [1-9]\d*(Ki|Mi)? 110 linux$`).MatchString(said) {
		t.Errorf("a node whose kubelet has not started: exit code %d, got %q", exit, said)
	}
}

// kept tries for a minute: a kubelet that has just come back does not know its pods.
const kept = `kubectl rollout status deployment/kept --timeout=90s >/dev/null
for i in $(seq 60); do kubectl exec deployment/kept -- cat /data/file 2>said && exit 0; sleep 1; done; cat said; exit 1`

// testStop: stopped and started, by another Provider, a cluster has what it had.
func testStop(t *testing.T, p *embedded.Provider, dataDir, name string, w workstationtest.Workstation) {
	text, err := os.ReadFile("testdata/features/kept.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if said, exit := w.Run(t, "kubectl apply -f - <<'END' >/dev/null\n"+string(text)+"END\n"+
		`kubectl rollout status deployment/kept --timeout=120s && kubectl exec deployment/kept -- sh -c 'echo still here >/data/file'`); exit != 0 {
		t.Fatal(said)
	}
	before, err := p.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	await(t, "it has processes, though it is stopped", func() bool { return len(clusterProcesses(t, name)) == 0 })
	adopted := newProvider(t, optionsAt(t, dataDir))
	startAgain(t, adopted, name)
	after, err := adopted.Access(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if after.Server != before.Server {
		t.Errorf("the API server: got %s, want %s", after.Server, before.Server)
	}
	wantKept(t, openWorkstation(t, adopted, name))
}

func startAgain(t *testing.T, p *embedded.Provider, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createWithin)
	defer cancel()
	if err := p.Start(ctx, name); err != nil {
		t.Fatal(err)
	}
}

func wantKept(t *testing.T, w workstationtest.Workstation) {
	t.Helper()
	if got, exit := w.Run(t, kept); exit != 0 || got != "still here" {
		t.Errorf("exit code %d, got %q, want what the volume held", exit, got)
	}
}

// testKilled: parts that are killed come back by themselves; a cluster whose
// first process is killed is Halted until Start.
func testKilled(t *testing.T, p *embedded.Provider, name string) {
	for _, part := range []string{"kubernetes kubelet", "containerd --config", "kubernetes control-plane", "wheelhouse-machine node worker-1"} {
		t.Run(part, func(t *testing.T) {
			kill(t, name, part)
			wantKept(t, awaitWorkstation(t, p, name))
		})
	}
	t.Run("the first process", func(t *testing.T) {
		kill(t, name, "/cluster/bin/wheelhouse-machine init /cluster/bin/wheelhouse-machine cluster")
		await(t, "it is not Halted", func() bool {
			clusters, err := p.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(clusters, func(c provisioner.Cluster) bool {
				return c.Name == name && c.State == provisioner.Halted && strings.Contains(c.Message, "Its processes have ended")
			})
		})
		startAgain(t, p, name)
		wantKept(t, openWorkstation(t, p, name))
	})
}

// kill ends the cluster's processes whose command line holds part.
func kill(t *testing.T, name, part string) {
	t.Helper()
	killed := 0
	for _, dir := range clusterProcesses(t, name) {
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(args), "\x00", " "), part) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
			killed++
		}
	}
	if killed == 0 {
		t.Fatalf("no process %q", part)
	}
}

// awaitWorkstation waits until all nodes are ready again.
func awaitWorkstation(t *testing.T, p *embedded.Provider, name string) workstationtest.Workstation {
	t.Helper()
	w := openWorkstation(t, p, name)
	await(t, "its nodes are not ready", func() bool {
		_, exit := w.Run(t, "kubectl wait --for=condition=Ready node --all --timeout=20s")
		return exit == 0
	})
	return w
}

// await tries again until it works, for two minutes at most.
func await(t *testing.T, not string, works func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !works() {
		select {
		case <-deadline:
			t.Fatal("after two minutes " + not)
		case <-tick.C:
		}
	}
}
