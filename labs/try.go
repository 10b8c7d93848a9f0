package labs

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"wheelhouse/content"
)

// Try is an option of a question that a student chose at a lab and that was wrong. It
// counts in every later session at that lab too, and once.
type Try struct {
	Step   string
	Check  string
	Option string
	At     time.Time
}

// Tries stores which wrong options were chosen.
type Tries interface {
	// Add is idempotent: an option that was chosen before keeps its time.
	Add(ctx context.Context, userID, lab string, try Try) error
	// Of returns a user's tries at a lab, by step, check and time.
	Of(ctx context.Context, userID, lab string) ([]Try, error)
}

// of reports whether it is of this question.
func (t Try) of(step, check string) bool { return t.Step == step && t.Check == check }

// LostPoints is what wrong options cost of a step's points: of those that the question
// counts, the same part as of its wrong options were chosen, rounded down. Whoever
// chose all of them knew nothing, and has nothing for it; one slip among many costs
// little. What was chosen after until, unless that is zero, costs nothing.
func LostPoints(step *content.Step, tries []Try, until time.Time) int {
	if !until.IsZero() {
		tries = slices.DeleteFunc(slices.Clone(tries), func(t Try) bool { return t.At.After(until) })
	}
	lost := 0
	for i := range step.Checks {
		check := &step.Checks[i]
		if wrong := len(WrongOptions(step, check, tries)); wrong > 0 {
			points, of := worth(step, check)
			lost += points * wrong / (of * (len(check.Answer.Options) - len(check.Answer.Accept)))
		}
	}
	return lost
}

// WrongOptions are the options of a question that were chosen and are wrong, in the
// question's order.
func WrongOptions(step *content.Step, check *content.Check, tries []Try) []string {
	wrong := []string{}
	if check.Answer == nil {
		return wrong
	}
	for _, option := range check.Answer.Options {
		if !check.Answer.Right(option) && slices.ContainsFunc(tries, func(t Try) bool { return t.of(step.Name, check.Name) && t.Option == option }) {
			wrong = append(wrong, option)
		}
	}
	return wrong
}

// worth is how many points a check counts, as a fraction: what its author gave it, or
// its share of the step's where no check was given any.
func worth(step *content.Step, check *content.Check) (points, of int) {
	given, sharing := 0, 0
	for _, other := range step.Checks {
		given += other.Points
		if !other.Guard {
			sharing++
		}
	}
	if given > 0 {
		return check.Points, 1
	}
	return step.Points, max(1, sharing)
}

// tried lets everybody see the try, once.
func (l *liveSession) tried(try Try) {
	l.publish(func() {
		same := func(t Try) bool { return t.of(try.Step, try.Check) && t.Option == try.Option }
		if slices.ContainsFunc(l.tries, same) {
			return
		}
		l.tries = append(slices.Clone(l.tries), try)
		slices.SortStableFunc(l.tries, func(a, b Try) int {
			return cmp.Or(strings.Compare(a.Step, b.Step), strings.Compare(a.Check, b.Check), a.At.Compare(b.At))
		})
	})
}
