package grader

import (
	"context"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"wheelhouse/content"
)

// probe is what a check does on the cluster beside looking at objects. What it
// finds is judged by the check's expressions.
type probe interface {
	// declarations are the variables that hold what it finds.
	declarations() []cel.EnvOption
	// queries are the objects that have to be known before it can be done.
	queries() []query
	// requests are those that it sends to the API server beside that.
	requests() []request
	// aim says what to do it to, or in a result why it cannot be done yet. Both are
	// empty while something of its queries is not known yet.
	aim(look lookup) (*target, Result)
	// run does it once. It blocks until it is done, its time is over or ctx ends.
	run(ctx context.Context, c *cluster, in target) *outcome
	// repeat says when.
	repeat() content.Repeat
	// doing says in a sentence that it is being done.
	doing(in target) string
}

// lookup returns what is known of a query's objects.
type lookup func(query) found

// target is what a probe is done to.
type target struct {
	namespace, pod, container string
	address                   string // of HTTP: "Service default/web, port 80" as what to ask
	uid                       string // of the pod or object
	started                   string // the container's ID: another one after each restart
	version                   string // of the objects: another one after each change
	of                        string // what is found is of that: "Pod default/web"; may be empty
}

// same tells whether both are the same run of the same container, or the same
// address.
func (t target) same(other target) bool {
	t.version, other.version = "", ""
	return t == other
}

// outcome is what a probe found. One that was not done or did not end has a
// reason and a problem instead of values.
type outcome struct {
	target   target
	values   map[string]any // of the probe's declarations
	cut      []cut          // those of them that are not whole
	evidence Evidence
	status   Status // where reason is set: False or Unknown
	reason   string
	problem  string // a sentence
}

// cut is a value of which only the beginning is known. An expression that asks for
// it has no value either, rather than one that more of it might change.
type cut struct {
	name string
	why  *excess
}

// cutOff notes that a value is not whole: what, which goes on in "… more than 64
// KiB", tells of it.
func (o *outcome) cutOff(name, what string, args ...any) {
	o.cut = append(o.cut, cut{name, &excess{ReasonTooLarge, fmt.Sprintf(what, args...) + fmt.Sprintf(" more than %d KiB, which is more than a check looks at.", outputSize>>10)}})
}

// fail notes why there are no values.
func (o *outcome) fail(status Status, reason, problem string) *outcome {
	o.status, o.reason, o.problem = status, reason, problem
	return o
}

// probeOf returns what the check does, or nil where it looks at objects only.
func probeOf(spec *content.Check) probe {
	switch {
	case spec.Exec != nil:
		return &execProbe{spec.Exec}
	case spec.HTTP != nil:
		return &httpProbe{spec.HTTP}
	case spec.DNS != nil:
		return &dnsProbe{spec.DNS}
	case spec.Logs != nil:
		return &logsProbe{spec.Logs}
	case spec.Can != nil:
		return &canProbe{spec.Can}
	case spec.Workstation != nil:
		return &workstationProbe{spec.Workstation}
	case spec.Script != nil:
		return &scriptProbe{spec.Script}
	}
	return nil
}

// judgeProbe holds what the probe found against the check, beside the objects
// that are seen.
func (c *check) judgeProbe(view *view, seen sight) Result {
	target, why := c.probe.aim(c.withoutNames(view.find))
	switch {
	case target == nil:
		return why
	case view.done == nil || !view.done.target.same(*target):
		return Result{Status: False, Reason: ReasonPending, Message: c.probe.doing(*target)}
	}
	done := view.done
	result := Result{Status: done.status, Reason: done.reason, Message: done.problem}
	if done.reason == "" {
		for name, value := range done.values {
			seen.values[name] = value
		}
		for _, cut := range done.cut {
			seen.values[cut.name] = types.WrapErr(cut.why)
		}
		result = c.validate(view, seen)
		if result.Found != "" && result.Object == "" {
			result.Object = target.of
		}
		if len(done.cut) == 0 {
			result.saw = &sightings{probe: c.probeKey, values: done.values}
		}
	}
	result.Evidence = []Evidence{done.evidence}
	return result
}

// within bounds one run of a probe by its time and by how many run at once on
// the cluster. Where it returns nil, the outcome says why nothing was done; the
// function that it returns is called once.
func (c *cluster) within(ctx context.Context, limit time.Duration, done *outcome) (context.Context, context.CancelFunc) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		done.fail(Unknown, ReasonTimeout, "The check was ended before it was done.")
		return nil, nil
	}
	timed, cancel := context.WithTimeout(quiet(ctx), limit)
	return timed, func() {
		cancel()
		<-c.slots
	}
}
