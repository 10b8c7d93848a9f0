package labs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wheelhouse/provisioner"
)

const (
	reasonResting = "Resting"
	reasonWaking  = "Waking"

	// restRetry is how long a session goes on whose cluster could not be frozen.
	restRetry = time.Minute

	quietTimeout = 2 * time.Second // for the workstation to say how quiet its terminals are
)

// errRest is why watch returns of a session that nobody looks at.
var errRest = errors.New("nobody looks at the session")

// mayRest tells whether nobody has looked at the session, and nothing has happened
// in its terminals, for as long as the limit says. A cluster in trouble does not
// rest, nor while something is still to be saved.
func (w *watching) mayRest(ctx context.Context) bool {
	limit := w.service.limits.Rest
	switch {
	case limit <= 0 || w.service.clusters.rester == nil:
		return false
	case w.unsaved != nil || !w.unreachable.IsZero() || now().Before(w.retryRest):
		return false
	case !w.service.attention.quiet(w.id, limit):
		return false
	}
	// A program that still prints is at work. Whether one does on a workstation that
	// does not answer is not known.
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	quiet, err := w.service.clusters.quiet(ctx, w.access)
	return err == nil && quiet >= limit
}

// rest freezes the session's cluster and returns nil when somebody comes, or when
// it could not be frozen. No grader judges the session at this time.
func (l *liveSession) rest(ctx context.Context) error {
	if !l.service.attention.quiet(l.id, l.service.limits.Rest) {
		return nil // somebody came meanwhile
	}
	if err := l.service.clusters.rester.Rest(ctx, l.session.Cluster); err != nil {
		l.retryRest = now().Add(restRetry)
		l.logger.Warn("session goes on, since its cluster does not rest", "cluster", l.session.Cluster, "error", err, "retry", l.retryRest)
		return nil
	}
	l.show(reasonResting, fmt.Sprintf("Nobody looked at this lab for %s, so its cluster rests: everything in it stands still, and nothing is lost. "+
		"It goes on by itself when you come back.", inWords(l.service.limits.Rest)))
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.came:
			l.show(reasonWaking, "The cluster of this lab rested. It is going on, which takes a moment.")
			return nil
		case <-beats.C:
			wake, err := l.lookAtResting()
			if wake || err != nil {
				return err
			}
		}
	}
}

// lookAtResting returns how a session is over that was left alone for too long or
// whose cluster is gone, and tells whether its cluster needs more than rest.
func (l *liveSession) lookAtResting() (wake bool, err error) {
	if idle := l.idle(); idle != nil {
		return false, idle
	}
	cluster, err := l.service.clusters.pool.Cluster(l.session.Cluster)
	switch {
	case errors.Is(err, provisioner.ErrNotFound):
		return false, gone(err)
	case err != nil:
		return false, nil // nothing is known of it at the moment
	}
	return cluster.State == provisioner.Broken, nil
}

// awaken reaches the session's cluster, which goes on if it rested. It tries again
// for as long as a cluster may be silent.
func (l *liveSession) awaken(ctx context.Context) (*provisioner.Access, error) {
	since := now()
	for {
		access, err := l.service.clusters.pool.Access(ctx, l.session.Cluster)
		if provisioner.ReasonOf(err) != provisioner.NotThawed || now().Sub(since) >= l.service.limits.Unreachable {
			return access, err
		}
		l.logger.Warn("cluster does not go on", "cluster", l.session.Cluster, "error", err)
		l.show(reasonWaking, "The cluster of this lab rested and does not go on yet. Wheelhouse goes on trying; nothing that you completed is lost.")
		select {
		case <-time.After(beat):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// show publishes what is to be said of a Ready session at the moment. It is not
// stored.
func (l *liveSession) show(reason, message string) {
	l.publish(func() { l.session.Reason, l.session.Message = reason, message })
}
