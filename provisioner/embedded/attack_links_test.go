package embedded_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
)

// links are where swapped folders lead to.
var links = []string{"/", "../../../../../../..", "/proc/1/root"}

// testLinks swaps what nodes are made of for symbolic links, has everything started
// anew that resolves them, and looks each time whether a node sees more than before.
func (a *arena) testLinks(t *testing.T) {
	worker := nodes[1]
	t.Run("one by one", func(t *testing.T) { a.testEachLink(t, worker) })
	t.Run("all, and the node ended from within", func(t *testing.T) { a.testNodeKilled(t, worker) })
	t.Run("the workstation", a.testWorkstationKilled)
	t.Run("all, and the cluster and the server started anew", a.testRestarted)
}

// testEachLink swaps what the node is made of, one at a time, and switches the node
// off and on.
func (a *arena) testEachLink(t *testing.T, node string) {
	var swappable []string
	for _, r := range a.onEachNode(t, "swap", "sources") {
		// What belongs to another node is not resolved when this one starts.
		other := slices.ContainsFunc(nodes, func(n string) bool { return n != node && slices.Contains(strings.Split(r.Root, "/"), n) })
		if r.Root != "" && !other && !slices.Contains(swappable, r.Root) {
			swappable = append(swappable, r.Root)
		}
	}
	slices.Sort(swappable)
	t.Logf("a Pod can rename what this is mounted from: %q", swappable)
	const most = 20 // more would take too long
	if len(swappable) > most {
		t.Errorf("%d sources of mounts can be renamed", len(swappable))
		swappable = swappable[:most]
	}
	for i, path := range swappable {
		t.Run(path, func(t *testing.T) {
			from := swappedFrom(a.onEachNode(t, "swap", "sources", links[i%len(links)], path))
			if len(from) == 0 {
				t.Error("nothing was swapped")
			}
			a.restartNode(t, node)
			a.watchSight(t, "with a link in its place", func() bool { return a.nodeRuns(t, node) })
			a.restoreLinks(t, from)
		})
	}
	if len(swappable) > 0 {
		a.restartNode(t, node)
		a.awaitNode(t, node)
	}
}

// swappedFrom lists the nodes from which something was swapped.
func swappedFrom(results []result) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(node string) bool {
		return !slices.ContainsFunc(results, func(r result) bool {
			return strings.HasPrefix(r.Where, node+": ") && slices.Contains(r.Done, "swapped")
		})
	})
}

// restoreLinks undoes swaps from the nodes that they were made from.
func (a *arena) restoreLinks(t *testing.T, from []string) {
	t.Helper()
	for _, node := range from {
		results, err := a.attacker.attack(t.Context(), node, "restore")
		if err != nil { // it may just have been restarted
			a.awaitNode(t, node)
			results, err = a.attacker.attack(t.Context(), node, "restore")
		}
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			if r.Note != "" {
				t.Logf("restore from %s: %s: %s", node, r.Where, r.Note)
			}
		}
	}
}

// restartNode switches the node off and on.
func (a *arena) restartNode(t *testing.T, node string) {
	t.Helper()
	if err := a.provider.StopNode(t.Context(), a.attacker.name, node); err != nil {
		t.Fatal(err)
	}
	if err := a.provider.StartNode(t.Context(), a.attacker.name, node); err != nil {
		t.Fatal(err)
	}
}

// nodeRuns reports whether components of the node run.
func (a *arena) nodeRuns(t *testing.T, node string) bool {
	t.Helper()
	// Its kubelet names it.
	return len(processesWith(t, a.attacker.name, "kubelet", node)) > 0
}

// watchSight looks again and again whether the attacker sees more than before, until
// it does, or until settled reports that what was started has started, for some
// seconds at most.
func (a *arena) watchSight(t *testing.T, after string, settled func() bool) {
	t.Helper()
	const within = 8 * time.Second // a node that cannot start with a link in its way does not see anything
	deadline := time.After(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		over := settled()
		if found := a.newSights(t); len(found) > 0 || over {
			a.wantNothingInSight(t, after)
			return
		}
		select {
		case <-deadline:
			t.Logf("%s, not all of it has started", after)
			return
		case <-tick.C:
		}
	}
}

// testNodeKilled swaps all that the node is made of and ends the node from within.
func (a *arena) testNodeKilled(t *testing.T, node string) {
	var from []string
	for _, kind := range []string{"sources", "above"} {
		results := a.onEachNode(t, "swap", kind, links[1])
		t.Logf("%s: %d swapped", kind, count(results, "swap"))
		from = append(from, swappedFrom(results)...)
	}
	slices.Sort(from)
	a.endNode(t, node)
	a.watchSight(t, "with all links in place", func() bool { return a.nodeRuns(t, node) })
	a.restoreLinks(t, slices.Compact(from))
	a.restartNode(t, node)
	a.awaitNode(t, node)
}

// endNode ends the node's first process from a Pod, and waits until it has ended.
func (a *arena) endNode(t *testing.T, node string) {
	t.Helper()
	before := processesWith(t, a.attacker.name, "kubelet", node)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := a.attacker.attack(ctx, node, "kill") // which ends itself, too
	t.Logf("the Pod's last words: %v", err)
	await(t, "the node's processes live on", func() bool {
		now := processesWith(t, a.attacker.name, "kubelet", node)
		return !slices.ContainsFunc(before, func(dir string) bool { return slices.Contains(now, dir) })
	})
}

// testWorkstationKilled ends the workstation's processes.
func (a *arena) testWorkstationKilled(t *testing.T) {
	kill(t, a.attacker.name, "wheelhouse-agent")
	await(t, "the workstation does not come back", func() bool {
		_, err := a.attacker.run(t.Context(), 10*time.Second, "true")
		return err == nil
	})
	a.wantNothingInSight(t, "after the workstation came back")
	a.attacker.Workstation = openWorkstation(t, a.provider, a.attacker.name)
	script := "for r in / /proc/*/root /proc/*/cwd; do for s in"
	for _, secret := range a.secrets {
		script += " " + secret
	}
	if said, exit := a.attacker.Run(t, script+"; do ls -d $r$s 2>/dev/null && exit 1; done; done; exit 0"); exit != 0 {
		t.Errorf("the workstation sees %s", said)
	}
}

// testRestarted swaps everything that can be swapped, also in the nodes' own folders
// and where their mounts are mounted on, stops the cluster and starts it by another
// Provider. That it does not start is not held against it.
func (a *arena) testRestarted(t *testing.T) {
	for i, kind := range []string{"sources", "contents", "places"} {
		for _, node := range nodes {
			if kind != "sources" && node == "control-plane" {
				continue // it would be down, and nothing of it in sight
			}
			results, err := a.attacker.attack(t.Context(), node, "swap", kind, links[i])
			if err != nil {
				t.Error(err)
			}
			t.Logf("%s of %s: %d swapped", kind, node, count(results, "swap"))
		}
	}
	if err := a.provider.Stop(t.Context(), a.attacker.name); err != nil {
		t.Error(err)
	}
	a.provider = newProvider(t, a.options) // as a server that was started again
	a.startWithLinks(t, a.provider)
	clusters, err := a.provider.List(t.Context())
	if err != nil || !slices.ContainsFunc(clusters, func(c provisioner.Cluster) bool { return c.Name == a.attacker.name }) {
		t.Errorf("got %v, %v, want the attacker among them", clusters, err)
	}
}

// startWithLinks starts the attacker, and looks while it does.
func (a *arena) startWithLinks(t *testing.T, p *embedded.Provider) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- p.Start(ctx, a.attacker.name) }()
	found := map[string]bool{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := false; ; {
		for _, s := range a.newSights(t) {
			if !found[s] {
				found[s] = true
				t.Errorf("started with links in place, the cluster sees %s", s)
			}
		}
		if over {
			return
		}
		select {
		case err := <-started:
			t.Logf("the start: %v", err)
			over = true
		case <-tick.C:
		}
	}
}

// awaitNode waits until the node is ready, and its Pod can attack again.
func (a *arena) awaitNode(t *testing.T, node string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), podsWithin)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		_, err := a.attacker.run(ctx, time.Minute, fmt.Sprintf(`kubectl wait --for=condition=Ready node/%s --timeout=50s &&
			kubectl delete pod %s --force --grace-period=0 --ignore-not-found --wait=false`, node, podOn(node)))
		if err == nil {
			err = a.attacker.startAttackPod(ctx, node)
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}
