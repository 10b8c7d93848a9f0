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

// LostPoints is what wrong options cost of a step's points: of those that the question
// counts, the same part as of its wrong options were chosen, rounded down. Whoever
// chose all of them knew nothing, and has nothing for it; one slip among many costs
// little.
func LostPoints(step *content.Step, tries []Try, until time.Time) int {
	lost := 0
	for i := range step.Checks {
		check := &step.Checks[i]
		chosen := chosenOf(step, check, tries, until)
		if chosen == 0 {
			continue
		}
		points, of := worth(step, check)
		lost += points * chosen / (of * (len(check.Answer.Options) - len(check.Answer.Accept)))
	}
	return lost
}

// WrongOptions are the options of a question that were chosen and wrong, in the
// question's order.
func WrongOptions(step *content.Step, check *content.Check, tries []Try) []string {
	wrong := []string{}
	if check.Answer == nil {
		return wrong
	}
	for _, option := range check.Answer.Options {
		if slices.ContainsFunc(tries, func(t Try) bool { return t.Step == step.Name && t.Check == check.Name && t.Option == option }) {
			wrong = append(wrong, option)
		}
	}
	return wrong
}

// chosenOf counts the wrong options of a question that were chosen by then; zero is
// until now. An option that the question no longer has does not count.
func chosenOf(step *content.Step, check *content.Check, tries []Try, until time.Time) int {
	if check.Answer == nil || len(check.Answer.Options) == 0 {
		return 0
	}
	n := 0
	for _, try := range tries {
		late := !until.IsZero() && try.At.After(until)
		if try.Step == step.Name && try.Check == check.Name && !late && check.Answer.Offers(try.Option) && !check.Answer.Right(try.Option) {
			n++
		}
	}
	return n
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
		same := func(t Try) bool { return t.Step == try.Step && t.Check == try.Check && t.Option == try.Option }
		if slices.ContainsFunc(l.tries, same) {
			return
		}
		l.tries = append(slices.Clone(l.tries), try)
		slices.SortStableFunc(l.tries, func(a, b Try) int {
			return cmp.Or(strings.Compare(a.Step, b.Step), strings.Compare(a.Check, b.Check), a.At.Compare(b.At))
		})
	})
}
