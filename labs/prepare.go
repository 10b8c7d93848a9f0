package labs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wheelhouse/labs/setup"
	"wheelhouse/provisioner"
)

// prepare takes a Pending session to Ready. It blocks until there is a cluster
// and the lab is set up on it.
func (l *liveSession) prepare(ctx context.Context) error {
	if l.session.Cluster != "" {
		// An earlier process died in the middle of the set-up. It is not known how
		// far it got, so the lab starts on a clean cluster.
		l.service.clusters.pool.Release(l.session.Cluster)
		l.session.Cluster = ""
	}
	cluster, err := l.claim(ctx)
	if err != nil {
		return err
	}
	if err := l.setUp(ctx, cluster); err != nil {
		return err
	}
	at := now()
	ready := l.session
	ready.Phase, ready.Reason, ready.Message = Ready, "", ""
	ready.ReadyAt, ready.ActiveAt = at, at
	if err := l.service.stores.Sessions.Save(ctx, &ready); err != nil {
		return notSaved(err)
	}
	l.activeAt.Store(at.UnixMilli())
	l.publish(func() { l.session, l.progress = ready, nil })
	return nil
}

// claim waits for a cluster, and returns it once it is stored whose it is.
func (l *liveSession) claim(ctx context.Context) (*provisioner.Cluster, error) {
	spec := provisioner.Spec{Workers: l.lab.Cluster.Workers}
	cluster, err := l.service.clusters.pool.Claim(ctx, l.session.UserID, spec, l.reportClaim)
	if provisioner.ReasonOf(err) == provisioner.Stopped {
		// The whole process is about to stop, and this goroutine with it.
		<-ctx.Done()
	}
	if err != nil {
		return nil, l.claimFailed(err)
	}
	l.mu.Lock()
	l.session.Cluster = cluster.Name
	l.mu.Unlock()
	if err := l.service.stores.Sessions.Save(ctx, &l.session); err != nil {
		return nil, notSaved(err)
	}
	return cluster, nil
}

// reportClaim publishes how the pool gets on.
func (l *liveSession) reportClaim(progress provisioner.Progress) {
	reason, message := "StartingCluster", "Your cluster is being started."
	if progress.Place > 0 {
		reason, message = "WaitingForCluster", placeMessage(progress.Place)
	}
	for _, phase := range progress.Phases {
		if progress.Place == 0 && !phase.StartedAt.IsZero() && phase.EndedAt.IsZero() {
			message = phase.Title + "."
		}
	}
	if said := l.saidOf(progress.Trouble, progress.Message, " Wheelhouse is trying again by itself."); said != "" {
		message += " " + said
	}
	progress = progress.Clone()
	progress.Phases = append(progress.Phases, l.setupPhase())
	l.await(reason, message, &progress)
}

func placeMessage(place int) string {
	switch place {
	case 1:
		return "You are next in the line for a cluster."
	case 2:
		return "One other is before you in the line for a cluster."
	default:
		return fmt.Sprintf("%d others are before you in the line for a cluster.", place-1)
	}
}

// setupPhase is the last phase of the wait, which the pool knows nothing of.
func (l *liveSession) setupPhase() provisioner.Phase {
	phase := provisioner.Phase{Name: "Setup", Title: "Setting up the lab"}
	if l.lab != nil {
		phase.Estimate = l.service.clusters.durations.of(l.lab.Name)
	}
	return phase
}

// setUp makes of a fresh cluster what the lab's author wants the student to find.
func (l *liveSession) setUp(ctx context.Context, cluster *provisioner.Cluster) error {
	start := now()
	l.await("SettingUp", "The lab is being set up on your cluster.", l.setupProgress(start))

	ctx, cancel := context.WithTimeoutCause(ctx, l.service.limits.Setup, errSetupTimeout)
	defer cancel()
	access, err := l.service.clusters.pool.Access(ctx, cluster.Name)
	if err != nil {
		return gone(err)
	}
	if err := l.service.clusters.prepare(ctx, l.lab, access); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return setupFailed(err)
	}
	l.service.clusters.durations.note(l.lab.Name, time.Since(start))
	return nil
}

// setupProgress ends all phases of the pool and starts the set-up.
func (l *liveSession) setupProgress(at time.Time) *provisioner.Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	phases := l.progress.Clone().Phases
	for i := range phases[:len(phases)-1] {
		if !phases[i].StartedAt.IsZero() && phases[i].EndedAt.IsZero() {
			phases[i].EndedAt = at
		}
	}
	phases[len(phases)-1].StartedAt = at
	return &provisioner.Progress{Phases: phases}
}

var errSetupTimeout = errors.New("the set-up ran over its time")

const clusterGone = "The cluster of this session is gone: it was deleted from outside. What you completed stays yours. Open the lab again to get a new cluster."

// claimFailed tells the student what kept the pool from making a cluster.
func (l *liveSession) claimFailed(err error) error {
	failed := &outcome{phase: Failed, reason: "NoCluster", err: err,
		message: "No cluster could be made for you. Open the lab again in a minute; if that fails too, tell whoever runs this server."}
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		failed.reason, failed.message = string(known.Reason), l.saidOf(known.Reason, known.Message, " Open the lab again in a minute.")
	}
	return failed
}

// saidOf is what a session's user is told of trouble with clusters. Its message is for
// whoever has the machine, with paths and commands of it. A student with an account has
// it not: they are told whom to tell, and of which kind it is.
func (l *liveSession) saidOf(trouble provisioner.Reason, message, next string) string {
	switch trouble {
	case "", provisioner.NotThawed, provisioner.Stopped: // these name nothing of the machine
		return message
	}
	if !l.account {
		return message
	}
	return fmt.Sprintf("The server has trouble making clusters.%s If that lasts, tell your instructor: %s.", next, trouble)
}

func setupFailed(err error) error {
	failed := &outcome{phase: Failed, reason: "SetupFailed", err: err,
		message: "The lab could not be set up on your cluster. Open it again to try with a new cluster."}
	if known, ok := errors.AsType[*setup.Error](err); ok {
		failed.message = known.Message + " Open the lab again to try with a new cluster; if that fails too, tell the lab's author."
	}
	if errors.Is(err, errSetupTimeout) {
		failed.reason = "SetupTimedOut"
		failed.message = "The set-up of the lab took too long and was given up. " + failed.message
	}
	return failed
}

// gone is for an error of Access: the cluster is no longer there, or the provider
// cannot say how to reach it.
func gone(err error) error {
	if errors.Is(err, provisioner.ErrNotFound) {
		return &outcome{phase: Failed, reason: "ClusterGone", message: clusterGone, err: err}
	}
	return &outcome{phase: Failed, reason: "ClusterUnreachable", err: err,
		message: "The cluster of this session cannot be reached. What you completed stays yours. Open the lab again to get a new cluster."}
}

func notSaved(err error) error {
	failed := &outcome{phase: Failed, reason: reasonNotSaved, err: err,
		message: "The session could not be saved, so it was given up. Open the lab again in a minute; if that fails too, tell whoever runs this server."}
	if known, ok := errors.AsType[*Error](err); ok {
		failed.message = known.Message
	}
	return failed
}
