package labs

import (
	"context"
	"slices"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// TakenHint is a hint that a student asked for at a lab. It is theirs in every
// later session at that lab too, and counts once.
type TakenHint struct {
	Step     string
	Position int // among the step's hints, from 0
	At       time.Time
	Cost     int // points, as the student was told when they took it
}

// Hints stores which hints were taken.
type Hints interface {
	// Take is idempotent: a hint that was taken before keeps its time and cost.
	Take(ctx context.Context, userID, lab string, hint TakenHint) error
	// Of returns a user's hints at a lab, by step and position.
	Of(ctx context.Context, userID, lab string) ([]TakenHint, error)
}

// HintCosts are the HintCost of each class that a student is in, of which the
// highest counts. Without any, each lab says it.
type HintCosts []int

func costsOf(classes []Class) HintCosts {
	costs := make(HintCosts, len(classes))
	for i, class := range classes {
		costs[i] = class.HintCost
	}
	return costs
}

// Of is how many points of the step the hint costs, at most all of them.
func (c HintCosts) Of(step *content.Step, hint *content.Hint) int {
	if len(c) == 0 {
		return hint.Cost
	}
	dearest := 0
	for _, points := range c {
		if points == AsWritten {
			points = hint.Cost
		}
		dearest = max(dearest, points)
	}
	return min(dearest, step.Points)
}

// Points is what a student has of a step: all of it once it is complete, before
// that what those of its checks count that are True, less what the hints cost that
// were taken until then, and less LostPoints. It is never less than 0.
func Points(step *content.Step, completedAt time.Time, results []grader.Result, hints []TakenHint, tries []Try) int {
	points := step.Points
	if completedAt.IsZero() {
		points = 0
		for _, check := range step.Checks {
			if passed(find(results, check.Name)) {
				points += check.Points
			}
		}
	}
	for _, hint := range hints {
		late := !completedAt.IsZero() && hint.At.After(completedAt)
		if hint.Step == step.Name && hint.Position < len(step.Hints) && !late {
			points -= hint.Cost
		}
	}
	return max(0, points-LostPoints(step, tries, completedAt))
}

// Points is Points over all of the user's sessions at the lab; e may be nil.
func (e *Entry) Points(step *content.Step) int {
	if e == nil {
		return 0
	}
	return Points(step, e.Completed[step.Name], e.Results[step.Name], e.Hints, e.Tries)
}

// HintCosts is what hints cost actor.
func (s *Service) HintCosts(ctx context.Context, actor *User) (HintCosts, error) {
	classes, err := s.stores.Rosters.ClassesOf(ctx, actor.ID)
	return costsOf(classes), err
}

// TakeHint gives actor the hint of a step of their session's lab, and returns when
// that is stored. Hints of a step are taken in their order: CodeConflict where one
// before it was not. Taking one again changes nothing.
func (s *Service) TakeHint(ctx context.Context, actor *User, id, step string, position int) (*View, error) {
	view, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.allow(ctx, actor, &view.Session, Write); err != nil {
		return nil, err
	}
	of, there := s.hintOf(&view.Session, step, position)
	if !there {
		return nil, &Error{Code: CodeNotFound, Message: "There is no such hint in this lab. Reload the page."}
	}
	switch taken := len(hintsOf(view.Hints, step)); {
	case position < taken:
		return view, nil
	case position > taken:
		return nil, &Error{Code: CodeConflict, Message: "The hints of a step come one after the other. Take the first one first."}
	}
	hint := TakenHint{Step: step, Position: position, At: now(), Cost: view.HintCosts.Of(of, &of.Hints[position])}
	if err := s.stores.Hints.Take(ctx, actor.ID, view.Session.Lab, hint); err != nil {
		return nil, err
	}
	s.Touch(id)
	if live := s.find(id); live != nil {
		live.tookHint(hint)
	}
	return s.view(ctx, id)
}

// hintOf returns the step of the session's lab that has a hint at the position.
func (s *Service) hintOf(session *Session, step string, position int) (*content.Step, bool) {
	lab := s.labOf(session)
	if lab == nil {
		return nil, false
	}
	of, there := lab.Step(step)
	return of, there && position >= 0 && position < len(of.Hints)
}

func hintsOf(hints []TakenHint, step string) []TakenHint {
	return slices.DeleteFunc(slices.Clone(hints), func(h TakenHint) bool { return h.Step != step })
}

// tookHint lets everybody see the hint, once.
func (l *liveSession) tookHint(hint TakenHint) {
	l.publish(func() {
		same := func(h TakenHint) bool { return h.Step == hint.Step && h.Position == hint.Position }
		if !slices.ContainsFunc(l.hints, same) {
			l.hints = append(slices.Clone(l.hints), hint)
		}
	})
}
