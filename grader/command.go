package grader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

const (
	outputSize  = 64 << 10 // bytes of each stream that an expression sees
	outputFlood = 8 << 20  // bytes after which a command is given up: it may never end
)

// run runs the command once. One that runs over its time is left to itself:
// Kubernetes has no way to end it.
func (p *execProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	timed, release := c.within(ctx, p.Timeout, done)
	if timed == nil {
		return done
	}
	defer release()
	timed, cancel := context.WithCancel(timed)
	defer cancel()
	stdout, stderr := &output{flooded: cancel}, &output{flooded: cancel}
	err := c.stream(timed, p.Command, in, stdout, stderr)

	exitCode := 0
	var code exec.CodeExitError
	switch {
	case err == nil:
	case errors.As(err, &code):
		exitCode = code.Code
	case stdout.tooMuch() || stderr.tooMuch():
		done.fail(Unknown, ReasonTooLarge, fmt.Sprintf("The command `%s` printed more than %d MiB in Pod %s and was given up.", commandLine(p.Command), outputFlood>>20, in.pod))
	case timed.Err() != nil:
		done.fail(Unknown, ReasonTimeout, fmt.Sprintf("The command `%s` did not end within %v in Pod %s.", commandLine(p.Command), p.Timeout, in.pod))
	case notStarted(err):
		done.fail(False, ReasonWrong, fmt.Sprintf("Container %s of Pod %s cannot run `%s`: it has no such program.", in.container, in.pod, p.Command[0]))
	case disconnected(err):
		done.fail(Unknown, ReasonUnreachable, fmt.Sprintf("Pod %s could not be reached to run `%s`; it is tried again.", in.pod, commandLine(p.Command)))
		c.logger.Debug("grader: command failed", "pod", in.pod, "error", err)
	default: // the API server's or the node's own words
		done.fail(Unknown, ReasonInvalid, fmt.Sprintf("The command `%s` could not be run in Pod %s: %v.", commandLine(p.Command), in.pod, err))
	}
	ended := &exitCode
	if done.reason != "" {
		ended = nil
	}
	done.values = map[string]any{"stdout": stdout.String(), "stderr": stderr.String(), "exitCode": int64(exitCode)}
	for name, stream := range map[string]*output{"stdout": stdout, "stderr": stderr} {
		if stream.cut() {
			done.cutOff(name, "The command `%s` printed in Pod %s", commandLine(p.Command), in.pod)
		}
	}
	done.evidence = Evidence{Name: podCommand("exec", &p.PodRef, in) + " -- " + commandLine(p.Command), Text: printed(stdout.String(), stderr.String(), ended)}
	return done
}

// quiet silences what client-go logs of a request by itself.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// disconnected tells whether it was the network that failed.
func disconnected(err error) bool {
	var failure net.Error
	return errors.As(err, &failure) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// notStarted tells whether the container runtime found no such program. It has
// no code of its own for that, only these words.
func notStarted(err error) bool {
	text := err.Error()
	return strings.Contains(text, "executable file not found") ||
		strings.Contains(text, "exec:") && (strings.Contains(text, "no such file or directory") || strings.Contains(text, "permission denied"))
}

// stream runs the command over a WebSocket, or over SPDY where a proxy on the way
// knows no WebSockets, as kubectl does.
func (c *cluster) stream(ctx context.Context, command []string, in target, stdout, stderr *output) error {
	query := url.Values{"command": command, "container": {in.container}, "stdout": {"true"}, "stderr": {"true"}}
	where := c.plain.Get().AbsPath("/api/v1/namespaces", in.namespace, "pods", in.pod, "exec").URL()
	where.RawQuery = query.Encode()
	webSocket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", where.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", where)
	if err != nil {
		return err
	}
	either, err := remotecommand.NewFallbackExecutor(webSocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	return either.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
}

// output keeps the first bytes that a command prints. Streams may go on writing
// after the command was given up, so it has a lock.
type output struct {
	flooded func() // called when there is no end to it

	mu    sync.Mutex
	kept  bytes.Buffer
	total int
}

// Write takes everything and never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	o.kept.Write(p[:min(len(p), outputSize-o.kept.Len())])
	o.total += len(p)
	flood := o.total > outputFlood
	o.mu.Unlock()
	if flood {
		o.flooded()
	}
	return len(p), nil
}

func (o *output) tooMuch() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total > outputFlood
}

// cut tells whether more was printed than was kept.
func (o *output) cut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total > outputSize
}

// String is what was kept, as text that CEL accepts.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(o.kept.String(), "�")
}
