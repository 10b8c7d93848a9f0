package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Limits of Run and WriteFile.
const (
	MaxStdin  = 1 << 20  // bytes
	MaxStdout = 1 << 20  // bytes of standard output, and of standard error
	MaxFile   = 16 << 20 // bytes
	MaxRun    = 15 * time.Minute
)

// RunRequest is a command for Run.
type RunRequest struct {
	Command []string      // the program, looked up in the workstation's PATH, and its arguments
	User    bool          // as the student, otherwise as root
	Env     []string      // "NAME=value", beside what a shell's environment starts with
	Dir     string        // where; the student's home folder where it is empty
	Stdin   []byte        // at most MaxStdin
	Timeout time.Duration // more than 0, at most MaxRun

	// Kubeconfig is for kubectl, in a file that no process can change. Where it is
	// given, HOME is a folder of the agent's, so that no program reads settings of the
	// student's; Dir is as without it.
	Kubeconfig []byte
}

// RunResult is what a command did.
type RunResult struct {
	Stdout    []byte `json:"stdout"` // the first MaxStdout bytes
	Stderr    []byte `json:"stderr"` // the first MaxStdout bytes
	ExitCode  int    `json:"exitCode"`
	Truncated bool   `json:"truncated"` // there was more output
}

// RunMessage is how RunRequest and its answer travel.
type (
	RunMessage struct {
		Command []string `json:"command"`
		User    bool     `json:"user"`
		Env     []string `json:"env,omitempty"`
		Dir     string   `json:"dir,omitempty"`
		Stdin   []byte   `json:"stdin,omitempty"`
		Timeout int64    `json:"timeoutMilliseconds"`

		Kubeconfig []byte `json:"kubeconfig,omitempty"`
	}
	RunAnswer struct {
		RunResult
		TimedOut bool `json:"timedOut"`
	}
)

// Run runs a command on the workstation, and blocks until it ends, but no longer
// than request.Timeout and a little. When the command ends, when its time is
// over or when ctx ends, its process group is killed; what is to stay has to be
// started with setsid. A command that ends by itself is no error, whatever its
// exit code. One whose time ran out is context.DeadlineExceeded, with what it
// printed until then in the result; others are *Error, ErrProtocol or what dial
// returned.
func Run(ctx context.Context, dial Dialer, request RunRequest) (RunResult, error) {
	body, err := json.Marshal(RunMessage{
		Command: request.Command,
		User:    request.User,
		Env:     request.Env,
		Dir:     request.Dir,
		Stdin:   request.Stdin,
		Timeout: request.Timeout.Milliseconds(),

		Kubeconfig: request.Kubeconfig,
	})
	if err != nil {
		return RunResult{}, err
	}
	var answer RunAnswer
	if err := call(ctx, dial, request.Timeout+handshake, http.MethodPost, "/run", body, &answer); err != nil {
		return RunResult{}, err
	}
	if len(answer.Stdout) > MaxStdout || len(answer.Stderr) > MaxStdout || answer.ExitCode < 0 || answer.ExitCode > 255 {
		return RunResult{}, fmt.Errorf("%w: impossible result of a command", ErrProtocol)
	}
	if answer.TimedOut {
		return answer.RunResult, fmt.Errorf("%q ran for %s on the workstation and was killed: %w", request.Command, request.Timeout, context.DeadlineExceeded)
	}
	return answer.RunResult, nil
}

// WriteFile writes a file below the student's home folder, for the student, with
// the folders that it needs. path is absolute or starts at the home folder. A
// file of that name is replaced at once or not at all; no symbolic link leads
// out of the home folder. The errors are *Error, ErrProtocol or what dial
// returned.
func WriteFile(ctx context.Context, dial Dialer, path string, mode fs.FileMode, content []byte) error {
	if len(content) > MaxFile {
		return &Error{CodeLimited, fmt.Sprintf("a file of %d bytes; at most %d go onto the workstation at once", len(content), MaxFile)}
	}
	query := url.Values{"path": {path}, "mode": {strconv.FormatUint(uint64(mode.Perm()), 8)}}
	return call(ctx, dial, time.Minute, http.MethodPut, "/files?"+query.Encode(), content, nil)
}
