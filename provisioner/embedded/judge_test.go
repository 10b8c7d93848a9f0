package embedded_test

import (
	"strings"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	inside "wheelhouse/provisioner/embedded/machine"
)

// TestJudge: what died and came back is told, and what does not come back makes
// the cluster Broken.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts map[string]inside.Part
		state provisioner.State
		says  string
	}{
		{"nothing known", nil, provisioner.Ready, ""},
		{"all well", map[string]inside.Part{"control-plane": {Running: true}}, provisioner.Ready, ""},
		{"came back", map[string]inside.Part{"kubelet of worker-1": {Running: true, Restarts: 1, Failures: 1, Message: "signal: killed"}},
			provisioner.Ready, "Started again after it ended: kubelet of worker-1 (signal: killed)."},
		{"does not come back", map[string]inside.Part{"kubelet of worker-1": {Restarts: 12, Failures: 12, Message: "exit status 1"}},
			provisioner.Broken, "kubelet of worker-1 does not stay up (exit status 1)"},
		{"a student's message", map[string]inside.Part{"x": {Restarts: 1, Message: "\x1b[2J\u009b2J\u202e" + strings.Repeat("é", 200)}}, provisioner.Ready, "…"},
	} {
		state, says := embedded.Judge(c.parts)
		if state != c.state || !strings.Contains(says, c.says) || (c.says == "") != (says == "") || len(says) > 300 || strings.ContainsAny(says, "\x1b\u009b\u202e") {
			t.Errorf("%s: got %s, %q, want %s and %q", c.name, state, says, c.state, c.says)
		}
	}
}
