// Package workstationtest is what the tests of every provider ask of a cluster's
// workstation: the tools that labs use work, a student does not get beyond it,
// and it survives what a student does to it. Tests call it; the product does not.
package workstationtest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

// Workstation is a cluster's workstation with the student's kubeconfig on it.
type Workstation struct {
	Dial       terminal.Dialer
	kubeconfig []byte
}

// Open puts the student's kubeconfig where kubectl looks for it.
func Open(t testing.TB, access *provisioner.Access) Workstation {
	t.Helper()
	kubeconfig, err := access.Student()
	if err != nil {
		t.Fatal(err)
	}
	if err := terminal.WriteFile(t.Context(), access.Dial, "/home/student/.kube/config", 0o600, kubeconfig); err != nil {
		t.Fatalf("write the kubeconfig: %v", err)
	}
	return Workstation{access.Dial, kubeconfig}
}

// RunWithin is how long one script may take.
const RunWithin = 3 * time.Minute

// clientLog matches what client-go logs among what a command prints, such as that
// a watch has ended: it says nothing of the command.
var clientLog = regexp.MustCompile(`(?m)^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ .*\n?`)

// Run runs a shell script as the student, and returns all that it printed,
// without the log of client-go.
func (w Workstation) Run(t testing.TB, script string) (output string, exitCode int) {
	t.Helper()
	result, err := terminal.Run(t.Context(), w.Dial, terminal.RunRequest{
		Command: []string{"bash", "-c", script}, User: true, Timeout: RunWithin,
	})
	if err != nil {
		t.Fatalf("run %q: %v: %s%s", script, err, result.Stdout, result.Stderr)
	}
	said := clientLog.ReplaceAllString(string(result.Stdout)+string(result.Stderr), "")
	return strings.TrimSpace(said), result.ExitCode
}

// Case is a script and what it has to print.
type Case struct {
	Name, Script string
	Want         string // a regular expression
}

// Check runs each case as a subtest.
func (w Workstation) Check(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got, exit := w.Run(t, c.Script)
			if !regexp.MustCompile(c.Want).MatchString(got) {
				t.Errorf("exit code %d, got %q, want a match of %s, from: %s", exit, got, c.Want, c.Script)
			}
		})
	}
}

// Refuse runs each case as a subtest, and wants it to fail: Want is not looked at.
func (w Workstation) Refuse(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if got, exit := w.Run(t, c.Script); exit == 0 {
				t.Errorf("%s: want it to fail, got %q", c.Script, got)
			}
		})
	}
}
