package workstationtest

import (
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

// recoverWithin is more than the agent needs to end a fork bomb by itself.
const recoverWithin = 4 * time.Minute

// ForkBomb wants the workstation to bear one, and to be of use again after a while
// with no help.
func (w Workstation) ForkBomb(t *testing.T) {
	w.Run(t, `setsid bash -c 'b() { b | b & }; b' >/dev/null 2>&1 & sleep 3`)
	deadline := time.Now().Add(recoverWithin)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ; ; <-tick.C {
		result, err := terminal.Run(t.Context(), w.Dial, terminal.RunRequest{
			Command: []string{"bash", "-c", `kubectl get nodes && set -- /proc/[0-9]* && test $# -lt 50`}, User: true, Timeout: 30 * time.Second})
		if err == nil && result.ExitCode == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the workstation has not recovered in %s: %v %+v", recoverWithin, err, result)
		}
	}
}
