package workstationtest

import (
	"testing"

	"wheelhouse/labs/terminal"
)

// Kubeconfig breaks the kubeconfig twice, and wants each repair to give the student
// one that works, and to keep what they had.
func (w Workstation) Kubeconfig(t *testing.T) {
	defer w.Run(t, "rm -f ~/.kube/config.saved*")
	for _, text := range []string{"first", "second"} {
		if output, exit := w.Run(t, "echo "+text+" >~/.kube/config; kubectl get nodes"); exit == 0 {
			t.Fatalf("kubectl works with a broken kubeconfig: %s", output)
		}
		if err := terminal.Mend(t.Context(), w.Dial, terminal.RepairKubeconfig, w.kubeconfig); err != nil {
			t.Fatal(err)
		}
	}
	w.Check(t, []Case{
		{"works", `kubectl auth whoami -o 'jsonpath={.status.userInfo.username}'`, `^student$`},
		{"is the student's", `stat -c '%U %a' ~/.kube/config`, `^student 600$`},
		{"is kept", `cat ~/.kube/config.saved ~/.kube/config.saved2`, `^first\nsecond$`},
	})
}
