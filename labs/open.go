package labs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wheelhouse/content"
)

// Open returns actor's live session at the lab and starts one where there is none
// (created): it answers at once, the cluster comes later. CodeLimited where actor
// has too many live sessions.
func (s *Service) Open(ctx context.Context, actor *User, lab string) (view *View, created bool, err error) {
	found, ok := s.course.Lab(lab)
	if !ok {
		return nil, false, &Error{Code: CodeNotFound, Message: "There is no lab with this name in the course."}
	}
	if err := s.awaitResumed(ctx); err != nil {
		return nil, false, err
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	live := s.livesOf(actor.ID)
	if i := slices.IndexFunc(live, func(l *liveSession) bool { return l.view.Load().Session.Lab == lab }); i >= 0 {
		return live[i].view.Load(), false, nil
	}
	if len(live) >= s.limits.Sessions {
		return nil, false, tooMany(live)
	}
	view, err = s.create(ctx, actor, found)
	return view, err == nil, err
}

func (s *Service) create(ctx context.Context, actor *User, lab *content.Lab) (*View, error) {
	at := now()
	session := Session{ID: newID("s_"), UserID: actor.ID, Lab: lab.Name, Phase: Pending, CreatedAt: at, ActiveAt: at}
	if err := s.stores.Sessions.Save(ctx, &session); err != nil {
		return nil, err
	}
	live, err := s.newLive(ctx, session)
	if err != nil {
		return nil, err
	}
	view := live.view.Load()
	if !s.start(live) {
		// It is stored, so the next process takes it up.
		return nil, &Error{Code: CodeUnavailable, Message: "Wheelhouse is being stopped. The lab opens when it is back."}
	}
	s.subscriptions.changed(live.classIDs()...)
	return view, nil
}

func tooMany(live []*liveSession) error {
	titles := make([]string, len(live))
	for i, l := range live {
		titles[i] = l.title()
	}
	slices.Sort(titles)
	return &Error{Code: CodeLimited, Message: fmt.Sprintf(
		"You have %s open, and may not have more labs open at the same time. End one of them first: what you completed there stays yours.",
		strings.Join(titles, " and "))}
}

// End ends actor's own session and releases its cluster. When it returns nil that
// is stored. Ending what has ended is no error.
func (s *Service) End(ctx context.Context, actor *User, id string) error {
	view, err := s.view(ctx, id)
	if err != nil {
		return err
	}
	if err := s.allow(ctx, actor, &view.Session, Write); err != nil {
		return err
	}
	live := s.find(id)
	if live == nil {
		return nil
	}
	return live.end(ctx, &outcome{phase: Ended, reason: "EndedByStudent", message: "You ended this lab. What you completed stays yours."})
}

// Close ends a session in the name of whoever runs the server, and releases its
// cluster. When it returns nil that is stored. That no such session is live is no error.
func (s *Service) Close(ctx context.Context, id string) error {
	live := s.find(id)
	if live == nil {
		return nil
	}
	return live.end(ctx, &outcome{phase: Ended, reason: "EndedByOperator", message: "Whoever runs this server ended this lab and deleted its cluster. " +
		"What you completed stays yours. Open the lab again to go on with a new cluster."})
}

// livesOf returns the live sessions of one user.
func (s *Service) livesOf(userID string) []*liveSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*liveSession
	for _, live := range s.live {
		if session := &live.view.Load().Session; session.UserID == userID && session.Live() {
			found = append(found, live)
		}
	}
	return found
}
