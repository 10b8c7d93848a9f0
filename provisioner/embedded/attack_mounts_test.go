package embedded_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// testWalls: what a Pod's root has rights over is not what the cluster's outermost
// container is made of.
func (a *arena) testWalls(t *testing.T) {
	outermost, inner := processesByDepth(t, a.attacker.name)
	if len(outermost) == 0 || len(inner) < 10 {
		t.Fatalf("found %d processes outermost and %d inside", len(outermost), len(inner))
	}
	within := map[string]bool{}
	for _, dir := range inner {
		if users, err := os.Readlink(dir + "/ns/user"); err == nil {
			within[users] = true
		}
	}
	for _, dir := range outermost {
		users, err := os.Readlink(dir + "/ns/user")
		if err == nil && within[users] {
			comm, _ := os.ReadFile(dir + "/comm")
			t.Errorf("%s of the outermost container is in %s, as nodes and Pods are", strings.TrimSpace(string(comm)), users)
		}
	}
}

// testNamespaces: no namespace can be entered in which a Pod sees no process.
func (a *arena) testNamespaces(t *testing.T) {
	results := a.onEachNode(t, "namespaces")
	if n := count(results, "namespaces"); n < 20 {
		t.Errorf("only %d namespaces were tried", n)
	}
	inside := a.namespacesInside(t)
	for _, r := range results {
		_, name, _ := strings.Cut(r.Where, ": ") // what is before it is the node
		if slices.Contains(r.Done, "entered") && !inside[name] {
			t.Errorf("%s: %s", r.Where, strings.Join(r.Done, ", "))
		}
	}
}

// namespacesInside are those of the attacker's nodes, workstation and Pods: from one
// node another's may be in reach, as is whatever else runs as a privileged Pod there.
func (a *arena) namespacesInside(t *testing.T) map[string]bool {
	outermost, inner := processesByDepth(t, a.attacker.name)
	names := map[string]bool{}
	each := func(dirs []string, do func(name string)) {
		for _, dir := range dirs {
			links, err := os.ReadDir(dir + "/ns")
			if err != nil {
				continue // it has ended
			}
			for _, link := range links {
				if name, err := os.Readlink(dir + "/ns/" + link.Name()); err == nil {
					do(name)
				}
			}
		}
	}
	each(inner, func(name string) { names[name] = true })
	each(outermost, func(name string) { delete(names, name) })
	return names
}

// testProcesses: no process can be traced that is in a user namespace which is not
// the Pod's.
func (a *arena) testProcesses(t *testing.T) {
	for _, r := range a.onEachNode(t, "processes") {
		if len(r.Done) > 0 {
			t.Errorf("%s: %s", r.Where, strings.Join(r.Done, ", "))
		}
	}
}

// testMounts: nothing foreign is written to through any mount in any way.
func (a *arena) testMounts(t *testing.T) {
	foreign := a.foreignDevices(t)
	results := a.onEachNode(t, "mounts")
	if n := count(results, "mounts"); n < 1000 {
		t.Errorf("only %d mounts were tried", n)
	}
	wantHarmless(t, only(results, "mounts"), foreign)
	// The ways work where they may.
	for _, way := range []string{"remount,bind,rw", "remount,rw", "mount_setattr", "mount_setattr, recursive", "bind, then remount",
		"recursive bind, then remount", "bind, move, then remount", "open_tree, mount_setattr", "open_tree, mount_setattr, move_mount",
		"fspick, fsconfig", "mapped ids"} {
		if !slices.ContainsFunc(results, func(r result) bool { return r.Attack == "control" && r.Way == way && len(r.Done) > 0 }) {
			t.Errorf("%s opened not even the Pod's own mount: %v", way, only(results, "control"))
		}
	}
}

// testSight: no file of the host is in sight.
func (a *arena) testSight(t *testing.T) {
	results := a.onEachNode(t, append([]string{"look"}, a.secrets...)...)
	if n := count(results, "look"); n < 100 {
		t.Errorf("only %d places were looked at", n)
	}
	for _, r := range results {
		if len(r.Done) > 0 {
			t.Errorf("%s: %s", r.Where, r.Note)
		}
	}
	a.wantNothingInSight(t, "")
}

// testDescriptors: no descriptor of any process leads to what is foreign, and what
// is written to one fills no disk but the cluster's.
func (a *arena) testDescriptors(t *testing.T) {
	foreign := a.foreignDevices(t)
	args := []string{"descriptors"}
	for device := range foreign {
		args = append(args, device)
	}
	before := a.hostBytes(t)
	for _, node := range slices.Backward(nodes) { // the control plane last: it carries the answers
		results, err := a.attacker.attackApart(t, node, args...)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(results, "descriptors"); n < 100 {
			t.Errorf("%s: only %d descriptors were tried", node, n)
		}
		t.Run(node, func(t *testing.T) { wantHarmless(t, results, foreign) })
		a.restartNode(t, node) // its components no longer understand each other
		a.awaitNode(t, node)
	}
	const most = 16 << 20 // bytes
	if grown := a.hostBytes(t) - before; grown > most {
		t.Errorf("the host's files have grown by %d MiB", grown>>20)
	}
}
