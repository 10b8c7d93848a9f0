package labs

import (
	"context"
	"time"

	"wheelhouse/grader"
)

// Entry is one cell of the gradebook: how one user stands at one lab.
type Entry struct {
	Session   Session                    // the newest at this lab
	Completed map[string]time.Time       // step -> when it was first completed, over all sessions
	Results   map[string][]grader.Result // step -> the newest session's latest results, without evidence
	Hints     []TakenHint                // in whichever session, by step and position
	Tries     []Try                      // in whichever session, by step, check and time
}

// Entries is a user's part of the gradebook: lab -> Entry. A lab that the user
// never opened is absent.
type Entries map[string]*Entry

// Gradebook reads how users stand, of many users in a few queries.
type Gradebook interface {
	Entries(ctx context.Context, userIDs []string) (map[string]Entries, error)
}

// Standing sums up a step for a cell: True when it was ever completed, otherwise
// the worst of the newest results, what is wrong before what is not there yet, and
// "" when there is none.
func (e *Entry) Standing(step string) (status grader.Status, reason string) {
	if _, ok := e.Completed[step]; ok {
		return grader.True, grader.ReasonPassed
	}
	worst := -1
	for _, result := range e.Results[step] {
		if bad := badness(result); bad > worst {
			worst, status, reason = bad, result.Status, result.Reason
		}
	}
	return status, reason
}

func badness(result grader.Result) int {
	switch {
	case result.Status == grader.True:
		return 0
	case result.Status == grader.Unknown:
		return 3
	case result.Reason == grader.ReasonNotFound:
		return 1
	case result.Pending():
		return 2
	}
	return 4
}

// FinishedAt tells when the last of steps was completed first, over all of the
// user's sessions: zero while one is open.
func (e *Entry) FinishedAt(steps []string) time.Time {
	var last time.Time
	for _, step := range steps {
		at, ok := e.Completed[step]
		if !ok {
			return time.Time{}
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// Grid is a class at one moment: students x labs x steps.
type Grid struct {
	Class    Class
	Students []GridStudent // by name
}

// GridStudent is one row of a Grid.
type GridStudent struct {
	ID      string
	Name    string
	Online  bool // has a lab's page open
	Entries Entries
}
