package terminal

import (
	"context"
	"time"
)

// Student returns what runs commands on the workstation as the student, in their
// home folder: the eyes of checks that look there. Its errors are those of Run.
func Student(dial Dialer) func(ctx context.Context, command []string, stdin []byte, limit time.Duration) (stdout, stderr []byte, exitCode int, err error) {
	return func(ctx context.Context, command []string, stdin []byte, limit time.Duration) ([]byte, []byte, int, error) {
		result, err := Run(ctx, dial, RunRequest{Command: command, User: true, Stdin: stdin, Timeout: limit})
		return result.Stdout, result.Stderr, result.ExitCode, err
	}
}
