package labs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/provisioner"
)

// outcome is how a session comes to its end. As the cause of a cancelled context
// it tells the session's goroutine to bring that about.
type outcome struct {
	phase   Phase // Failed or Ended
	reason  string
	message string // for the student
	err     error  // for the log; may be nil
}

func (o *outcome) Error() string {
	if o.err != nil {
		return o.reason + ": " + o.err.Error()
	}
	return o.reason
}

func (o *outcome) Unwrap() error { return o.err }

// liveSession is a session that may use a cluster, and the goroutine that takes
// it from phase to phase. Only that goroutine writes its fields and its row;
// everybody else sees the last view that it published.
type liveSession struct {
	service *Service
	id      string
	lab     *content.Lab // nil when the course no longer has it
	stop    context.CancelCauseFunc
	logger  *slog.Logger
	account bool // its user is a student who logs in, and so not whoever has the machine

	view     atomic.Pointer[View] // as last published; what it points to never changes
	activeAt atomic.Int64         // milliseconds since 1970, by Touch
	came     <-chan struct{}      // somebody looks at it
	over     chan struct{}        // closed when the end is stored, or cannot be
	answers  chan given           // to be stored, while it is Ready
	overErr  error                // why the end is not stored; set before over is closed

	retryRest time.Time // its cluster is not frozen before
	inactive  idleTime

	tender atomic.Pointer[Tender] // of its cluster, while that is watched

	mu sync.Mutex // against the pool, which reports from a goroutine of its own
	state
}

// newLive makes a liveSession of a stored session, to be started by Service.start.
func (s *Service) newLive(ctx context.Context, session Session) (*liveSession, error) {
	stored, err := s.load(ctx, session)
	if err != nil {
		return nil, err
	}
	user, err := s.stores.Users.Get(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	l := &liveSession{
		service: s,
		account: user.Role == Student && user.PasswordHash != "",
		id:      session.ID,
		lab:     s.labOf(&session),
		logger:  s.logger.With("session", session.ID, "lab", session.Lab),
		over:    make(chan struct{}),
		answers: make(chan given),
		state:   *stored,
	}
	l.activeAt.Store(session.ActiveAt.UnixMilli())
	l.came = s.attention.begin(l.id)
	if session.Phase == Pending {
		l.await("WaitingForCluster", "Your cluster is being made ready.", &provisioner.Progress{Phases: []provisioner.Phase{l.setupPhase()}})
	} else {
		l.publish(func() {})
	}
	return l, nil
}

// labOf is the session's lab as its student sees it; nil when the course no longer
// has it.
func (s *Service) labOf(session *Session) *content.Lab {
	lab, there := s.course.Lab(session.Lab)
	if !there {
		return nil
	}
	return lab.For(session.UserID)
}

func (l *liveSession) title() string {
	if l.lab == nil {
		return l.view.Load().Session.Lab
	}
	return l.lab.Title
}

func (l *liveSession) classIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{l.id}, idsOf(l.classes)...)
}

func (l *liveSession) joinedClass(class Class) {
	l.publish(func() {
		if !slices.ContainsFunc(l.classes, func(c Class) bool { return c.ID == class.ID }) { // joining again is no error
			l.classes = append(slices.Clone(l.classes), class)
		}
	})
}

func (l *liveSession) leftClass(classID string) {
	l.publish(func() {
		l.classes = slices.DeleteFunc(slices.Clone(l.classes), func(c Class) bool { return c.ID == classID })
	})
}

// classChanged notes a class's new state, where it is one of the session's.
func (l *liveSession) classChanged(class Class) {
	if !slices.Contains(l.classIDs(), class.ID) {
		return
	}
	l.publish(func() {
		l.classes = slices.Clone(l.classes)
		if at := slices.IndexFunc(l.classes, func(c Class) bool { return c.ID == class.ID }); at >= 0 {
			l.classes[at] = class
		}
	})
}

// publish changes the session and lets everybody see it.
func (l *liveSession) publish(change func()) {
	l.mu.Lock()
	change()
	l.view.Store(l.snapshot())
	l.mu.Unlock()
	l.service.subscriptions.changed(l.classIDs()...)
}

// await publishes what a Pending session waits for. It is not stored: a restarted
// server begins to wait anew.
func (l *liveSession) await(reason, message string, progress *provisioner.Progress) {
	l.publish(func() { l.session.Reason, l.session.Message, l.progress = reason, message, progress })
}

// end has the session come to outcome, and returns when that is stored or cannot
// be.
func (l *liveSession) end(ctx context.Context, outcome *outcome) error {
	l.stop(outcome)
	select {
	case <-l.over:
		return l.overErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run takes the session through its phases. It returns when the session is over
// and stored, or when the server stops: then it goes on in the next process.
func (l *liveSession) run(ctx context.Context) {
	err := l.work(ctx)
	if outcome, ok := errors.AsType[*outcome](err); ok {
		l.finish(context.WithoutCancel(ctx), outcome)
		return
	}
	l.overErr = &Error{Code: CodeUnavailable, Message: "Wheelhouse is being stopped. Try again when it is back."}
	close(l.over)
}

// work returns an outcome, or another error when ctx ended for another cause.
func (l *liveSession) work(ctx context.Context) error {
	if l.lab == nil {
		return &outcome{phase: Failed, reason: "LabGone", message: "This lab is not part of the course any more. What you completed in it stays yours."}
	}
	if l.session.Phase == Pending {
		if err := l.prepare(ctx); err != nil {
			return over(ctx, err)
		}
	}
	for {
		if err := l.watch(ctx); !errors.Is(err, errRest) {
			return over(ctx, err)
		}
		if err := l.rest(ctx); err != nil {
			return over(ctx, err)
		}
	}
}

// over prefers the cause of ctx's end to what that end made fail.
func over(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// finish ends the session as outcome says. The cluster is released whatever else
// happens. The end is stored as soon as the disk takes it; who asked for the end
// learns how the first try went.
func (l *liveSession) finish(ctx context.Context, outcome *outcome) {
	if outcome.phase == Failed {
		l.logger.Warn("session failed", "reason", outcome.reason, "error", outcome.err)
	}
	cluster := l.session.Cluster
	l.publish(func() {
		l.session.Phase, l.session.Reason, l.session.Message = outcome.phase, outcome.reason, outcome.message
		l.session.Cluster, l.session.EndedAt, l.session.ActiveAt = "", now(), l.lastActive()
	})
	if cluster != "" {
		l.service.clusters.pool.Release(cluster)
	}
	l.overErr = l.record(ctx, latest(l.steps), nil)
	close(l.over)
	if l.overErr != nil {
		l.keepTrying(ctx)
	}
}

// keepTrying stores the end of the session when the disk takes writes again.
func (l *liveSession) keepTrying(ctx context.Context) {
	running := l.service.running
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		select {
		case <-time.After(wait):
		case <-running.Done():
			return // the next process finds a session whose cluster is gone
		}
		if l.record(ctx, latest(l.steps), nil) == nil {
			return
		}
	}
}

// record stores the session and what was found.
func (l *liveSession) record(ctx context.Context, results []grader.Result, completed map[string]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := l.service.stores.Results.Record(ctx, &l.session, results, completed)
	if err != nil {
		l.logger.Error("session is not saved", "error", err)
	}
	return err
}

// latest returns the results of the steps that are open, with the evidence that
// was seen last: that of complete ones is stored.
func latest(steps []StepState) []grader.Result {
	var results []grader.Result
	for _, step := range steps {
		if step.CompletedAt.IsZero() {
			results = append(results, step.Results...)
		}
	}
	return results
}

func (l *liveSession) lastActive() time.Time { return time.UnixMilli(l.activeAt.Load()).UTC() }
