package workstationtest

import (
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

// ForkBomb wants the workstation to bear one, and the agent still to answer.
func (w Workstation) ForkBomb(t *testing.T) {
	w.Run(t, `setsid bash -c 'b() { b | b & }; b' >/dev/null 2>&1 & sleep 3`)
	result, err := terminal.Run(t.Context(), w.Dial, terminal.RunRequest{
		Command: []string{"bash", "-c", "pkill -9 -u student; echo $?"}, Timeout: 30 * time.Second,
	})
	if err != nil {
		t.Fatalf("the agent cannot end the fork bomb: %v", err)
	}
	t.Logf("pkill: %s%s", result.Stdout, result.Stderr)
	deadline := time.Now().Add(time.Minute)
	for {
		result, err := terminal.Run(t.Context(), w.Dial, terminal.RunRequest{Command: []string{"kubectl", "get", "nodes"}, User: true, Timeout: 30 * time.Second})
		if err == nil && result.ExitCode == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the workstation has not recovered in a minute: %v %+v", err, result)
		}
		_, _ = terminal.Run(t.Context(), w.Dial, terminal.RunRequest{Command: []string{"pkill", "-9", "-u", "student"}, Timeout: 30 * time.Second})
	}
}
