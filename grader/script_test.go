package grader_test

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// here runs commands on this machine, and keeps their arguments.
func here(ran *[]string) grader.Workstation {
	return func(ctx context.Context, command []string, stdin []byte, limit time.Duration, _ bool) ([]byte, []byte, int, error) {
		*ran = append(*ran, strings.Join(command, " "))
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
		err := cmd.Run()
		if cmd.ProcessState == nil {
			return nil, nil, 0, err
		}
		return stdout.Bytes(), stderr.Bytes(), cmd.ProcessState.ExitCode(), nil
	}
}

// TestScripts runs scripts as bash does, without their text in the list of
// processes.
func TestScripts(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"passes", "[ 1 = 1 ] # the answer is 42", "Passed"},
		{"fails with its last line", "echo first; echo \"The answer 42 is missing.\"\nexit 1", "Wrong: The answer 42 is missing."},
		{"fails without exit", "echo 'No.' # 42\nfalse", "Wrong: No."},
		{"has only to wait", "echo 'Wait.'; exit 75 # 42", "Pending: Wait."},
		{"reads nothing of itself", "read line && echo \"$line\" && exit 1\necho 42 >/dev/null", "Passed"},
		{"quotes, backslashes and a here-document", "cat <<'END' >/dev/null\n42 \\ \"\nEND\n[ \"a\\\\b\" = 'a\\b' ]", "Passed"},
		{"a mistake of its author", "if true; then # 42", "Wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := lab(nil)
			l.Steps[0].Checks[0].Script = &content.Script{Run: test.script, Repeat: content.Repeat{Timeout: 5 * time.Second, Interval: time.Hour}}
			var ran []string
			results, err := compiled(t, l).Watch(newAPIServer(t).config(), grader.Options{Workstation: here(&ran)}).Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := outcomeOf(results[0], nil); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(ran) != 1 || strings.Contains(ran[0], "42") {
				t.Errorf("the list of processes shows %q", ran)
			}
		})
	}
}
