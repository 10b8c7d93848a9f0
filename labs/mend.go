package labs

import (
	"context"
	"slices"
	"time"

	"wheelhouse/labs/mend"
)

// mendTimeout is for putting something right, and for the look after it.
const mendTimeout = 90 * time.Second

// Mend puts right what fault names of a Ready session of actor's own, and returns
// when that is done. CodeInvalid says that there is no such fault, CodeUnavailable
// that it could not be put right now.
func (s *Service) Mend(ctx context.Context, actor *User, id string, fault mend.Type) (*View, error) {
	view, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.allow(ctx, actor, &view.Session, Write); err != nil {
		return nil, err
	}
	if !slices.Contains(mend.Types, fault) {
		return nil, &Error{Code: CodeInvalid, Message: "There is nothing of that name to mend. Reload the page."}
	}
	live := s.find(id)
	if live == nil || view.Session.Phase != Ready {
		return nil, &Error{Code: CodeConflict, Message: "This session is not open, so there is nothing to mend. Open the lab again."}
	}
	tender := live.tender.Load()
	if tender == nil {
		return nil, &Error{Code: CodeUnavailable, Message: "The lab's cluster does not answer yet. Try again in a moment."}
	}
	s.Touch(id)
	// The student who asked may leave; half a repair would not help them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mendTimeout)
	defer cancel()
	if err := (*tender).Mend(ctx, fault); err != nil {
		live.logger.Warn("a fault could not be mended", "fault", fault, "error", err)
		return nil, &Error{Code: CodeUnavailable, Message: "That could not be mended now. Try again in a moment; if it stays so, end the lab and open it again, which gives you a new cluster.", Err: err}
	}
	live.logger.Info("fault mended", "fault", fault)
	if faults, err := (*tender).Look(ctx); err == nil {
		live.found(faults)
	}
	return live.view.Load(), nil
}

// found shows what is broken, where that changed.
func (l *liveSession) found(faults []mend.Fault) {
	if !slices.Equal(l.view.Load().Faults, faults) {
		l.publish(func() { l.faults = faults })
	}
}

// tended notes who looks after the cluster; nil where there is none.
func (l *liveSession) tended(tender Tender) {
	if tender == nil {
		l.tender.Store(nil)
		return
	}
	l.tender.Store(&tender)
}
