package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Dialer opens a connection to an agent. The calls here close what it returns.
type Dialer func(ctx context.Context) (net.Conn, error)

const (
	handshake  = 15 * time.Second // for an answer that needs no work, dialling included
	maxRefusal = 16 << 10         // bytes of an answer that says no
	maxAnswer  = 8 << 20          // bytes of any other answer
)

// Status is what an agent says of itself.
type Status struct {
	Boot string `json:"boot"` // random, 16 hexadecimal digits
	// Quiet is for how long nothing was typed or printed in any terminal, or else
	// since the agent's start; in nanoseconds. 0: the agent does not know.
	Quiet time.Duration `json:"quiet"`

	// Written tells that a file was written by WriteFile since the agent's start: the
	// home folder has what it was prepared with, but for what the student changed.
	Written bool `json:"written,omitempty"`

	// HomeFault says why the student's programs cannot use the home folder; empty
	// where they can. RepairHome mends it.
	HomeFault string `json:"homeFault,omitempty"`
	// ShellsEnd tells that the last shells ended as soon as they had started, with
	// nothing typed: what start-up files with an error do. RepairStartup mends it.
	ShellsEnd bool `json:"shellsEnd,omitempty"`
}

// Repair is something on the workstation that Mend puts right.
type Repair string

// The repairs.
const (
	RepairHome       Repair = "home"       // the home folder is its student's again, who may read and write it
	RepairStartup    Repair = "startup"    // the shell's start-up files are as on a new workstation; what they were is kept beside them
	RepairKubeconfig Repair = "kubeconfig" // ~/.kube/config is the kubeconfig that Mend was given; what it was is kept beside it
)

// Ping asks the agent whether it is there. It blocks for 15 s at most. Boot in
// the answer changes when the workstation starts anew, with an empty home folder
// and no shells.
func Ping(ctx context.Context, dial Dialer) (Status, error) {
	var status Status
	err := call(ctx, dial, handshake, http.MethodGet, "/status", nil, &status)
	return status, err
}

// Mend has the agent put something right. It blocks for 15 s at most; doing it again
// is no error. content is the kubeconfig of RepairKubeconfig; the others need none.
func Mend(ctx context.Context, dial Dialer, what Repair, content []byte) error {
	return call(ctx, dial, handshake, http.MethodPost, "/repairs/"+string(what), content, nil)
}

// roundTrip sends a request on a connection of its own. Where the answer's
// status is not the wanted one, the error is an *Error.
func roundTrip(ctx context.Context, dial Dialer, request *http.Request, want int) (*http.Response, error) {
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxRefusal,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // the error that followed from it tells less
		}
		return nil, fmt.Errorf("reach the workstation's agent: %w", err)
	}
	if response.StatusCode != want {
		defer response.Body.Close()
		return nil, refusal(response)
	}
	return response, nil
}

// refusal reads an answer that says no.
func refusal(response *http.Response) error {
	if response.StatusCode < 400 {
		return fmt.Errorf("%w: the workstation's agent answered with status %d", ErrProtocol, response.StatusCode)
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	var e Error
	if json.Unmarshal(body, &e) != nil || e.Message == "" {
		return fmt.Errorf("%w: the workstation's agent answered with status %d and no reason", ErrProtocol, response.StatusCode)
	}
	e.Code, e.Message = Code(printable(string(e.Code))), printable(e.Message)
	return &e
}

// call sends a request and decodes the JSON of the answer into out, where that
// is not nil. It takes no longer than limit.
func call(ctx context.Context, dial Dialer, limit time.Duration, method, target string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://workstation"+target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := roundTrip(ctx, dial, request, http.StatusOK)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer of the workstation's agent: %w", err)
	case len(answer) > maxAnswer:
		return fmt.Errorf("%w: an answer of more than %d bytes", ErrProtocol, maxAnswer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%w: answer of the workstation's agent: %w", ErrProtocol, err)
	}
	return nil
}
