package grader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	corev1 "k8s.io/api/core/v1"

	"wheelhouse/content"
)

const (
	logLines = 1000
	logSize  = 256 << 10 // bytes
)

// logsProbe reads the end of what a container has logged.
type logsProbe struct{ *content.Logs }

func (p *logsProbe) declarations() []cel.EnvOption {
	return []cel.EnvOption{cel.Variable("lines", cel.ListType(cel.StringType))}
}

func (p *logsProbe) repeat() content.Repeat            { return p.Repeat }
func (p *logsProbe) queries() []query                  { return []query{podQuery(&p.PodRef)} }
func (p *logsProbe) requests() []request               { return []request{logRequest} }
func (p *logsProbe) aim(look lookup) (*target, Result) { return aimAtPod(&p.PodRef, look, p.container) }

func (p *logsProbe) doing(in target) string {
	return fmt.Sprintf("The log of Pod %s is being read.", in.pod)
}

// container picks a container that has run, or says why there is no log.
func (p *logsProbe) container(ref *content.PodRef, pod *corev1.Pod) (target, Result) {
	no := func(reason, why string) (target, Result) {
		return target{}, Result{Status: False, Reason: reason, Message: "Pod " + pod.Name + " " + why + "."}
	}
	name, problem := containerName(ref, pod)
	if problem != "" {
		return no(ReasonWrong, problem)
	}
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.Name != name:
		case p.Previous && s.RestartCount == 0:
			return no(ReasonPending, "has not been restarted, so there is no log of a run before")
		case s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0:
			return target{namespace: pod.Namespace, pod: pod.Name, container: name, of: "Pod " + objectKey{pod.Namespace, pod.Name}.String(),
				uid: string(pod.UID), started: s.ContainerID, version: pod.ResourceVersion}, Result{}
		default:
			reason, format, why := startingReason(s.State)
			return no(reason, strings.TrimSuffix(fmt.Sprintf(format, why), "."))
		}
	}
	return no(ReasonPending, "is not running yet, so there is no log")
}

func (p *logsProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	timed, cancel := c.within(ctx, p.Timeout, done)
	if timed == nil {
		return done
	}
	defer cancel()
	text, err := c.log(timed, objectKey{in.namespace, in.pod}, in.container, logLines, p.Previous)
	switch {
	case err == nil:
	case timed.Err() != nil:
		done.fail(Unknown, ReasonTimeout, fmt.Sprintf("The log of Pod %s could not be read within %v.", in.pod, p.Timeout))
	case disconnected(err):
		done.fail(Unknown, ReasonUnreachable, fmt.Sprintf("The log of Pod %s could not be read; it is tried again.", in.pod))
	default:
		done.fail(Unknown, ReasonInvalid, fmt.Sprintf("The log of Pod %s could not be read: %v.", in.pod, err))
	}
	if len(text) > logSize { // the end, which was asked for, is not in it
		done.cut = []cut{{"lines", &excess{ReasonTooLarge, fmt.Sprintf(
			"The last %d lines of the log of Pod %s have more than %d KiB, which is more than a check looks at.", logLines, in.pod, logSize>>10)}}}
		text = text[:logSize]
	}
	log := strings.ToValidUTF8(string(text), "\uFFFD")
	lines := []string{}
	if log != "" {
		lines = strings.Split(strings.TrimSuffix(log, "\n"), "\n")
	}
	done.values = map[string]any{"lines": lines}
	done.evidence = Evidence{Name: podCommand("logs", &p.PodRef, in), Text: tail(log, evidenceSize)}
	return done
}

// log reads the last lines of what a container has logged, logSize and one byte of
// it at most.
func (c *cluster) log(ctx context.Context, pod objectKey, container string, lines int, previous bool) ([]byte, error) {
	request := c.plain.Get().AbsPath("/api/v1/namespaces", pod.namespace, "pods", pod.name, "log").
		Param("container", container).Param("tailLines", fmt.Sprint(lines)).Param("limitBytes", fmt.Sprint(logSize+1))
	if previous {
		request = request.Param("previous", "true")
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(stream, logSize+1))
	return text, errors.Join(err, stream.Close())
}

const (
	lastWordsTime  = 2 * time.Second // a hint is not worth more
	lastWordsLines = 50
)

// lastWords returns the line that tells best why a container ended: the last one
// that it logged, or where Go's runtime explained a panic, which comes before the
// stacks of its goroutines. It is empty where the log cannot be read.
func (c *cluster) lastWords(ctx context.Context, q query) string {
	ctx, cancel := context.WithTimeout(ctx, lastWordsTime)
	defer cancel()
	log, err := c.log(ctx, objectKey{q.namespace, q.name}, q.ended.container, lastWordsLines, false)
	if err != nil {
		c.logger.Debug("grader: last words not heard", "pod", q.name, "error", err)
		return ""
	}
	last := ""
	for line := range strings.Lines(strings.ToValidUTF8(string(log), "\uFFFD")) {
		line = oneLine(line)
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
		if line != "" {
			last = line
		}
	}
	return last
}

// tail cuts text to its last bytes, between characters, and shows that it did.
func tail(text string, size int) string {
	if len(text) <= size {
		return text
	}
	const mark = "…"
	return mark + strings.ToValidUTF8(text[len(text)-size+len(mark):], "")
}
