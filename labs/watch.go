package labs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs/mend"
	"wheelhouse/provisioner"
)

const (
	beat        = 10 * time.Second // how often a Ready session looks at its cluster and its student
	beatTimeout = 5 * time.Second  // for the cluster's answer
	saveActive  = time.Minute      // how much of a student's activity a crash may forget

	// brokenPatience is for how long a cluster may be broken and unreachable: an
	// engine that is restarted brings its containers back.
	brokenPatience = 45 * time.Second
)

const reasonNotSaved = "NotSaved"

// watching is what a Ready session keeps while it is watched.
type watching struct {
	*liveSession
	access *provisioner.Access

	results chan []grader.Result // from the judge, who waits until they are stored
	stopped chan error           // from the judge, when it gave up
	reached chan reached         // from the look at the cluster

	judge       Judge
	retryJudge  backoff
	unsaved     []grader.Result // what could not be stored, to be tried again
	retrySave   backoff
	unreachable time.Time // since when the cluster does not answer; zero while it does
}

// reached is what a look at the cluster found.
type reached struct {
	faults []mend.Fault
	err    error
}

// watch judges a Ready session until ctx ends, the session is over, or its cluster
// may rest (errRest); it always returns an error. All goroutines that it starts have ended then.
func (l *liveSession) watch(ctx context.Context) error {
	access, err := l.awaken(ctx)
	if err != nil {
		return gone(err)
	}
	if l.session.Reason == reasonWaking {
		l.show("", "")
	}
	tender, err := l.service.clusters.tend(l.lab, access, l.session.Cluster)
	if err != nil {
		return gone(err)
	}
	l.tended(tender)
	defer l.tended(nil)
	w := &watching{
		liveSession: l,
		access:      access,
		results:     make(chan []grader.Result),
		stopped:     make(chan error),
		reached:     make(chan reached),
	}
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work.Go(func() { w.reachForever(ctx, tender) })
	w.retryJudge.now()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.retryJudge.C:
			w.startJudge(ctx, &work)
		case err := <-w.stopped:
			w.logger.Warn("judge stopped", "error", err)
			w.retryJudge.later()
		case results := <-w.results:
			w.take(ctx, results)
		case answer := <-w.answers:
			answer.stored <- w.take(ctx, []grader.Result{answer.result})
		case <-w.retrySave.C:
			w.take(ctx, w.unsaved)
		case found := <-w.reached:
			if over := w.look(found.err); over != nil {
				return over
			}
			if found.err == nil {
				w.found(found.faults)
			}
		case <-beats.C:
			if over := w.attend(ctx); over != nil {
				return over
			}
			if w.mayRest(ctx) {
				return errRest
			}
		}
	}
}

// startJudge has the open steps judged from now on.
func (w *watching) startJudge(ctx context.Context, work *sync.WaitGroup) {
	send := func(found []grader.Result) {
		select {
		case w.results <- found:
		case <-ctx.Done():
		}
	}
	judge, err := w.service.clusters.judge(w.lab, w.access, send)
	if err != nil {
		w.logger.Error("judge cannot start", "error", err)
		w.retryJudge.later()
		return
	}
	w.judge = judge
	judge.Open(openSteps(w.lab, w.steps))
	work.Go(func() {
		err := judge.Run(ctx)
		select {
		case w.stopped <- err:
		case <-ctx.Done():
		}
	})
}

// take stores what found changed, and then shows it. While it cannot be stored,
// nothing of it is shown as done, and it is tried again; the error says why, in
// words for the student.
func (w *watching) take(ctx context.Context, found []grader.Result) error {
	found = overlay(w.unsaved, found)
	w.unsaved = nil
	w.retrySave.C = nil
	at := now()
	verdict := judge(w.lab, w.steps, found, at)
	for _, step := range verdict.confirm {
		if w.judge != nil { // it finds all of this again when it starts
			w.judge.Confirm(step)
		}
	}
	if len(verdict.changed) == 0 && len(verdict.completed) == 0 {
		w.quietly(func() { w.steps = verdict.steps })
		if w.session.Reason == reasonNotSaved { // and now there is nothing left to save
			w.showCondition()
		}
		return nil
	}
	session := w.session
	if len(verdict.completed) > 0 && finished(verdict.steps) {
		session.FinishedAt = at
	}
	session.ActiveAt = w.lastActive()
	session.Reason, session.Message = w.condition()
	// A session that is ended at this moment is still to have what it achieved.
	if err := w.service.stores.Results.Record(context.WithoutCancel(ctx), &session, verdict.changed, verdict.completed); err != nil {
		return w.notSaved(err, found)
	}
	w.retrySave.reset()
	w.publish(func() { w.session, w.steps = session, verdict.steps })
	if len(verdict.completed) > 0 && w.judge != nil {
		w.judge.Open(openSteps(w.lab, w.steps))
	}
	return nil
}

// overlay returns the results of older with those of newer in their place.
func overlay(older, newer []grader.Result) []grader.Result {
	all := slices.Clone(newer)
	for _, result := range older {
		if findIn(newer, result.Step, result.Check) == nil {
			all = append(all, result)
		}
	}
	return all
}

func (w *watching) notSaved(err error, found []grader.Result) error {
	w.logger.Error("results are not saved", "error", err)
	w.unsaved = found
	w.retrySave.later()
	message := "What you do now cannot be saved at the moment. It is tried again and again; what was shown as saved before is safe."
	if known, ok := errors.AsType[*Error](err); ok {
		message = known.Message
	}
	w.publish(func() { w.session.Reason, w.session.Message = reasonNotSaved, message })
	return &Error{Code: CodeUnavailable, Message: message, Err: err}
}

// quietly changes what the next view shows and tells no subscriber.
func (w *watching) quietly(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.view.Store(w.snapshot())
}

// reachForever looks every beat whether the cluster answers.
func (w *watching) reachForever(ctx context.Context, tender Tender) {
	for {
		select {
		case <-time.After(beat):
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, beatTimeout)
		faults, err := tender.Look(within)
		cancel()
		select {
		case w.reached <- reached{faults, err}:
		case <-ctx.Done():
			return
		}
	}
}

// look shows when the cluster stops to answer and when it is back, and gives it
// up after too long. It returns how the session is over, or nil.
func (w *watching) look(err error) error {
	if err == nil {
		if !w.unreachable.IsZero() {
			w.unreachable = time.Time{}
			w.showCondition()
		}
		return nil
	}
	if w.unreachable.IsZero() {
		w.unreachable = now()
		w.logger.Warn("cluster does not answer", "cluster", w.session.Cluster, "error", err)
		w.showCondition()
	} else if reason, _ := w.condition(); reason != w.session.Reason {
		w.showCondition() // why is known by now
	}
	cluster, seen := w.service.clusters.pool.Cluster(w.session.Cluster)
	silent := now().Sub(w.unreachable)
	switch {
	case errors.Is(seen, provisioner.ErrNotFound):
		return gone(seen)
	case seen == nil && cluster.State == provisioner.Broken && silent >= brokenPatience:
		return &outcome{phase: Failed, reason: "ClusterBroken", err: err,
			message: "The cluster of this session broke down. " + cluster.Message + " What you completed stays yours. Open the lab again to get a new cluster."}
	case silent < w.service.limits.Unreachable:
		return nil
	}
	return &outcome{phase: Failed, reason: "ClusterUnreachable", err: err, message: fmt.Sprintf(
		"The cluster of this session has not answered for %s and was given up. What you completed stays yours. Open the lab again to get a new cluster.",
		inWords(w.service.limits.Unreachable))}
}

// condition is what is wrong with a Ready session at the moment: nothing as a rule.
func (w *watching) condition() (reason, message string) {
	if w.unreachable.IsZero() {
		return "", ""
	}
	if cluster, err := w.service.clusters.pool.Cluster(w.session.Cluster); err == nil && cluster.State == provisioner.Halted {
		return "ClusterHalted", "The cluster's processes have ended, as they do when its machine is restarted. Wheelhouse starts it again " +
			"with all that it held, which takes some seconds; programs that ran in the terminal have to be started again."
	}
	return "ClusterUnreachable", "The cluster does not answer at the moment. Wheelhouse goes on trying; nothing that you completed is lost."
}

func (w *watching) showCondition() {
	if w.unsaved != nil {
		return // worse, and shown already
	}
	reason, message := w.condition()
	w.publish(func() { w.session.Reason, w.session.Message = reason, message })
}

// attend ends a session that its student has left alone for too long, and stores
// now and then when they were last active. It returns how the session is over, or
// nil.
func (w *watching) attend(ctx context.Context) error {
	if over := w.idle(); over != nil {
		return over
	}
	active := w.lastActive()
	if active.Sub(w.session.ActiveAt) < saveActive {
		return nil
	}
	session := w.session
	session.ActiveAt = active
	if err := w.service.stores.Sessions.Save(ctx, &session); err != nil {
		w.logger.Warn("activity is not saved", "error", err)
		return nil
	}
	w.quietly(func() { w.session = session })
	return nil
}

// idle returns how the session is over because nobody did anything in it for too
// long, or nil.
func (l *liveSession) idle() error {
	idle := l.service.limits.Idle
	if idle <= 0 || l.inactive.at(now(), l.lastActive()) < idle {
		return nil
	}
	return &outcome{phase: Ended, reason: "Idle", message: fmt.Sprintf(
		"Nothing happened in this lab for %s, so it was ended. What you completed stays yours. Open it again to go on with a new cluster.", inWords(idle))}
}

// inWords writes a limit as a person says it.
func inWords(d time.Duration) string {
	switch {
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	}
}
