package labs

import (
	"context"
	"errors"
	"slices"

	"wheelhouse/provisioner"
)

// Right is what a caller wants to do with a session.
type Right string

// The rights. Its student has both; the instructor of a class that the student
// is in may Read.
const (
	Read  Right = "Read"
	Write Right = "Write"
)

const noSession = "There is no such session, or it is not yours."

// View returns the whole session as it is now; it is never changed. A session
// that is not actor's to read is CodeNotFound.
func (s *Service) View(ctx context.Context, actor *User, id string) (*View, error) {
	view, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	return view, s.allow(ctx, actor, &view.Session, Read)
}

// view is View without the question who asks.
func (s *Service) view(ctx context.Context, id string) (*View, error) {
	if live := s.find(id); live != nil {
		return live.view.Load(), nil
	}
	session, err := s.stores.Sessions.Get(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return nil, &Error{Code: CodeNotFound, Message: noSession, Err: err}
	}
	if err != nil {
		return nil, err
	}
	stored, err := s.load(ctx, *session)
	if err != nil {
		return nil, err
	}
	return stored.snapshot(), nil
}

// allow returns nil when actor has right to the session, CodeForbidden when they
// may only read it, and CodeNotFound when they are not to know of it.
func (s *Service) allow(ctx context.Context, actor *User, session *Session, right Right) error {
	if session.UserID == actor.ID {
		return nil
	}
	if actor.Role == Instructor {
		classes, err := s.stores.Rosters.ClassesOf(ctx, session.UserID)
		switch {
		case err != nil:
			return err
		case !slices.ContainsFunc(classes, func(c Class) bool { return c.InstructorID == actor.ID }):
		case right == Read:
			return nil
		default:
			return &Error{Code: CodeForbidden, Message: "This is a student's session: you may look at it, not change it."}
		}
	}
	return &Error{Code: CodeNotFound, Message: noSession}
}

// Results returns the steps of a session with their results and evidence, in the
// lab's order. What a check looked at is left out where its student asks and is to
// find it out, until the step is complete.
func (s *Service) Results(ctx context.Context, actor *User, id string) ([]StepState, error) {
	view, err := s.View(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	if view.Session.UserID != actor.ID {
		return view.Steps, nil
	}
	return s.withoutAnswers(&view.Session, view.Steps), nil
}

// withoutAnswers is a copy of the steps without the evidence of open steps' checks
// that are content.Check.Diagnose.
func (s *Service) withoutAnswers(session *Session, steps []StepState) []StepState {
	lab := s.labOf(session)
	if lab == nil {
		return steps
	}
	steps = slices.Clone(steps)
	for i := range steps {
		of, there := lab.Step(steps[i].Step)
		if !there || !steps[i].CompletedAt.IsZero() {
			continue
		}
		steps[i].Results = slices.Clone(steps[i].Results)
		for j := range steps[i].Results {
			result := &steps[i].Results[j]
			if check, there := of.Check(result.Check); there && check.Diagnose {
				result.Evidence = nil
			}
		}
	}
	return steps
}

// Subscribe returns a channel that receives after each change of the session.
// The value carries nothing: the reader calls View again. It holds one value, so
// that many changes may be one, and none is missed. While the session's student
// is subscribed they count as online, and while any page is subscribed the
// session's cluster does not rest. The caller calls cancel in the end.
func (s *Service) Subscribe(ctx context.Context, actor *User, id string) (changed <-chan struct{}, cancel func(), err error) {
	if _, err := s.View(ctx, actor, id); err != nil {
		return nil, nil, err
	}
	classes, err := s.stores.Rosters.ClassesOf(ctx, actor.ID)
	if err != nil {
		return nil, nil, err
	}
	ids := idsOf(classes)
	changed, unsubscribe := s.subscriptions.subscribe(id)
	leave := s.attention.come(id)
	if s.attendance.come(actor.ID) {
		s.subscriptions.changed(ids...)
	}
	return changed, func() {
		unsubscribe()
		leave()
		if s.attendance.leave(actor.ID) {
			s.subscriptions.changed(ids...)
		}
	}, nil
}

// Touch notes that the student did something in the session. It is cheap and may
// be called for each keystroke; the caller has checked that the session is theirs.
func (s *Service) Touch(id string) {
	if live := s.find(id); live != nil {
		live.activeAt.Store(now().UnixMilli())
		s.attention.glance(id)
	}
}

// Look keeps the session's cluster from resting until leave is called: for what
// uses it for longer than a moment and is not subscribed. The caller has checked
// that the session is theirs to see.
func (s *Service) Look(id string) (leave func()) { return s.attention.come(id) }

// Access reaches the cluster of a session that is Ready: CodeConflict before and
// after. A cluster that rests goes on first, and does not rest at once. Only a caller who asked for Write may pass on input.
func (s *Service) Access(ctx context.Context, actor *User, id string, right Right) (*provisioner.Access, error) {
	view, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.allow(ctx, actor, &view.Session, right); err != nil {
		return nil, err
	}
	switch view.Session.Phase {
	case Pending:
		return nil, &Error{Code: CodeConflict, Message: "The lab's cluster is not ready yet. Wait a moment."}
	case Ready:
	default:
		return nil, &Error{Code: CodeConflict, Message: "This session is over, and its cluster with it. Open the lab again to get a new one."}
	}
	s.attention.glance(id)
	access, err := s.clusters.pool.Access(ctx, view.Session.Cluster)
	if provisioner.ReasonOf(err) == provisioner.NotThawed {
		return nil, &Error{Code: CodeUnavailable, Message: "The lab's cluster rested and does not go on yet. Try again in a moment.", Err: err}
	}
	if errors.Is(err, provisioner.ErrNotFound) {
		return nil, &Error{Code: CodeUnavailable, Message: clusterGone, Err: err}
	}
	return access, err
}

// Progress returns how actor stands at each lab that they ever opened.
func (s *Service) Progress(ctx context.Context, actor *User) (Entries, error) {
	entries, err := s.stores.Gradebook.Entries(ctx, []string{actor.ID})
	if err != nil {
		return nil, err
	}
	return entries[actor.ID], nil
}

func idsOf(classes []Class) []string {
	ids := make([]string, len(classes))
	for i, class := range classes {
		ids[i] = class.ID
	}
	return ids
}
