package embedded_test

import (
	"errors"
	"strings"
	"testing"

	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/embedded"
)

// TestLogHasDetails: where a student or an operator is told that the log has the
// details, it has which command failed, how, and what was printed.
func TestLogHasDetails(t *testing.T) {
	status := errors.New("exit status 1")
	for _, try := range []struct {
		name string
		err  error
		log  string
		want []string
	}{
		{"a silent command and an empty log", command.Failed("runc start play", status, nil), "", []string{"runc start play: exit status 1: it printed nothing", "first process has printed nothing"}},
		{"a command that says why", command.Failed("runc start play", status, []byte("no such device\n")), "", []string{"runc start play: exit status 1: no such device"}},
		{"the first process says why", embedded.ErrDied, "first\nmount: operation not permitted\n", []string{"has printed:\nfirst\nmount: operation not permitted"}},
	} {
		t.Run(try.name, func(t *testing.T) {
			got := embedded.Abandon(t.TempDir(), try.log, try.err).Error()
			if !strings.Contains(got, "the log has the details") && !strings.Contains(got, "The log has the details") {
				t.Errorf("promises nothing: %s", got)
			}
			for _, want := range try.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %s\nwant in it %q", got, want)
				}
			}
		})
	}
}
