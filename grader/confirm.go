package grader

import (
	"context"
	"slices"
	"time"

	"wheelhouse/content"
)

// Every probe has its own timer, so results that are True together may be of
// different times: the last True of a slow check may be from before the student
// broke what it asked for. A step is therefore complete only when everything that
// it rests on was asked for again after the youngest of its checks was True.

// confirmRetry is the least time between two confirmations of a step.
const confirmRetry = 500 * time.Millisecond

// Confirm asks for new results of an open step whose checks are all True: every
// object is read and every probe is run again, at one time. OnResults gets the
// results, with Confirmed set. Those of checks that are content.Check.Once are left
// out, because what they saw stays true. Where one of the others is not True,
// OnResults gets the usual results once more after a pause, so that the step's
// owner can call Confirm again. Confirm does not block. It may be called by
// OnResults, and changes nothing while the step is being confirmed.
func (w *Watcher) Confirm(step string) {
	w.mu.Lock()
	if w.confirming != step && !slices.Contains(w.toConfirm, step) {
		w.toConfirm = append(w.toConfirm, step)
	}
	w.mu.Unlock()
	signal(w.confirms)
}

// Confirmed reports whether results hold a confirmed one for each check of the step
// that may become untrue again.
func Confirmed(step *content.Step, results []Result) bool {
	return !slices.ContainsFunc(step.Checks, func(check content.Check) bool {
		return !check.Once && !slices.ContainsFunc(results, func(r Result) bool {
			return r.Step == step.Name && r.Check == check.Name && r.Confirmed
		})
	})
}

// nextToConfirm takes the first open step that Confirm was called for and that was
// not confirmed just now, with its checks. No step is the empty string.
func (w *Watcher) nextToConfirm(notBefore map[string]time.Time) (step string, checks []*check) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.confirming = ""
	w.toConfirm = slices.DeleteFunc(w.toConfirm, func(step string) bool { return !slices.Contains(w.open, step) })
	at := slices.IndexFunc(w.toConfirm, func(step string) bool { return !time.Now().Before(notBefore[step]) })
	if at < 0 {
		return "", nil
	}
	w.confirming = w.toConfirm[at]
	w.toConfirm = slices.Delete(w.toConfirm, at, at+1)
	for _, c := range w.program.checks {
		if c.step == w.confirming && !c.once {
			checks = append(checks, c)
		}
	}
	return w.confirming, checks
}

// confirmation is what one Confirm led to.
type confirmation struct {
	step       string
	results    []Result // none where the cluster did not answer
	executions map[*check]*execution
}

func (c *confirmation) succeeded() bool {
	return len(c.results) > 0 && allTrue(c.results)
}

func allTrue(results []Result) bool {
	return !slices.ContainsFunc(results, func(r Result) bool { return r.Status != True })
}

// confirmSteps confirms one step after the other until ctx ends, and leaves the
// results to the goroutine of Run.
func (r *run) confirmSteps(ctx context.Context) {
	notBefore := map[string]time.Time{}
	for {
		step, checks := r.nextToConfirm(notBefore)
		if step == "" {
			select {
			case <-ctx.Done():
				return
			case <-r.confirms:
			}
			continue
		}
		done := &confirmation{step: step}
		k := newKnowledge()
		if results, err := k.confirm(ctx, r.cluster, checks); err == nil {
			done.results, done.executions = results, k.executions
		} else {
			r.opts.Logger.Debug("grader: step not confirmed", "step", step, "error", err)
		}
		if !done.succeeded() {
			notBefore[step] = time.Now().Add(confirmRetry)
			time.AfterFunc(confirmRetry, func() {
				signal(r.confirms)
				r.touch()
			})
		}
		select {
		case r.confirmed <- done:
		case <-ctx.Done():
			return
		}
	}
}

// confirm reads the objects before the probes run and again after them: what holds in
// both states and for the probes between them holds at one moment.
func (k *knowledge) confirm(ctx context.Context, cluster *cluster, checks []*check) ([]Result, error) {
	results, err := k.evaluate(ctx, cluster, checks)
	if err != nil || len(k.executions) == 0 || !allTrue(results) {
		return results, err
	}
	after := newKnowledge()
	after.executions = k.executions
	if err := after.readNeeds(ctx, cluster, checks); err != nil {
		return nil, err
	}
	return after.judgeOnce(ctx, cluster, checks)
}

// tellConfirmed hands over what a confirmation found, where its step is still open.
// What its probes found is what the step's own would find now.
func (r *run) tellConfirmed(done *confirmation) {
	for c, e := range done.executions {
		if own := r.executions[c]; own != nil {
			own.adopt(e)
		}
	}
	r.touch()
	r.mu.Lock()
	open := slices.Contains(r.open, done.step)
	r.mu.Unlock()
	if open && len(done.results) > 0 {
		r.opts.OnResults(done.results)
	}
}
