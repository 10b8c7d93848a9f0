package terminal

import (
	"context"
	"time"
)

// Student returns what runs commands on the workstation as the student, in their
// home folder: the eyes of checks that look there. Programs read no settings of the
// student's, and kubectl takes kubeconfig, unless studentHome asks for the
// environment that the student's own commands start with. Its errors are those of Run.
func Student(dial Dialer, kubeconfig []byte) func(ctx context.Context, command []string, stdin []byte, limit time.Duration, studentHome bool) (stdout, stderr []byte, exitCode int, err error) {
	return func(ctx context.Context, command []string, stdin []byte, limit time.Duration, studentHome bool) ([]byte, []byte, int, error) {
		request := RunRequest{Command: command, User: true, Stdin: stdin, Timeout: limit, Kubeconfig: kubeconfig}
		if studentHome {
			request.Kubeconfig = nil
		}
		result, err := Run(ctx, dial, request)
		return result.Stdout, result.Stderr, result.ExitCode, err
	}
}
