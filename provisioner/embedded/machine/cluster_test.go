package machine_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"wheelhouse/provisioner/embedded/machine"
)

func TestPlan(t *testing.T) {
	for _, workers := range []int{0, 1, 3, 199} {
		c, err := machine.Plan("wh-test", "v1.36.3", workers)
		if err != nil {
			t.Fatalf("%d workers: %v", workers, err)
		}
		if got := len(c.Nodes); got != 1+workers {
			t.Errorf("%d workers: got %d nodes", workers, got)
		}
		taken := map[netip.Addr]bool{c.Gateway: true, c.Workstation: true}
		for i, node := range c.Nodes {
			if node.Control != (i == 0) {
				t.Errorf("node %d: got control plane %v", i, node.Control)
			}
			if !c.LAN.Contains(node.Address) || taken[node.Address] {
				t.Errorf("node %s: address %s is outside %s or taken", node.Name, node.Address, c.LAN)
			}
			taken[node.Address] = true
			if !c.Pods.Overlaps(node.Pods) || !c.Pods.Contains(node.Pods.Addr()) {
				t.Errorf("node %s: its pods' %s are outside %s", node.Name, node.Pods, c.Pods)
			}
			for _, other := range c.Nodes[:i] {
				if other.Pods.Overlaps(node.Pods) {
					t.Errorf("pods of %s and %s overlap", other.Name, node.Name)
				}
			}
		}
		if !c.Services.Contains(c.DNS) || c.Services.Overlaps(c.Pods) || c.Balanced.Overlaps(c.LAN) {
			t.Errorf("ranges overlap: %+v", c)
		}
	}
	for _, workers := range []int{-1, 200} {
		if _, err := machine.Plan("wh-test", "v1.36.3", workers); err == nil {
			t.Errorf("%d workers: want an error", workers)
		}
	}
}

// TestPlanIsJSON: the description goes through a file.
func TestPlanIsJSON(t *testing.T) {
	want, err := machine.Plan("wh-test", "v1.36.3", 2)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got machine.Cluster
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(text) {
		t.Errorf("got %s, want %s", again, text)
	}
	if got.APIServer() != netip.MustParseAddrPort("172.30.0.2:6443") {
		t.Errorf("the API server is at %s", got.APIServer())
	}
}
