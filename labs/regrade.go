package labs

import (
	"context"
	"errors"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// Kept is a stored result with what its check saw.
type Kept struct {
	SessionID   string
	UserID      string
	Student     string // their name
	Result      grader.Result
	Record      []byte    // see grader.Result.Record; nil where nothing was kept
	CompletedAt time.Time // of its step; zero while it is not complete
}

// Regraded is a stored result beside what the check says of the same now.
type Regraded struct {
	SessionID string        `json:"session"`
	Student   string        `json:"student"`
	Step      string        `json:"step"`
	Check     string        `json:"check"`
	Was       grader.Status `json:"was"`
	Now       grader.Status `json:"now,omitempty"`     // empty where it cannot be judged
	Message   string        `json:"message,omitempty"` // of the check now; empty when True
	Why       string        `json:"why,omitempty"`     // it cannot be judged again
	Complete  bool          `json:"stepComplete"`      // as it is stored
}

// Changes tells whether the check says another thing now.
func (r *Regraded) Changes() bool { return r.Now != "" && r.Now != r.Was }

// Regrade judges all stored results of a lab again, on what the checks saw then. It
// changes nothing. The error joins a *content.Problem for each mistake in the
// lab's checks, or is the store's.
func Regrade(ctx context.Context, results Results, lab *content.Lab) ([]Regraded, error) {
	if _, err := grader.Compile(lab); err != nil {
		return nil, err
	}
	programs := map[*content.Lab]*grader.Program{} // of the lab as each student has it
	kept, err := results.Kept(ctx, lab.Name)
	if err != nil {
		return nil, err
	}
	all := make([]Regraded, 0, len(kept))
	for _, k := range kept {
		one := Regraded{SessionID: k.SessionID, Student: k.Student, Step: k.Result.Step, Check: k.Result.Check, Was: k.Result.Status, Complete: !k.CompletedAt.IsZero()}
		theirs := lab.For(k.UserID)
		if programs[theirs] == nil {
			if programs[theirs], err = grader.Compile(theirs); err != nil {
				return nil, err
			}
		}
		now, err := regrade(programs[theirs], theirs, &k)
		if err != nil {
			one.Why = err.Error()
		} else {
			one.Now, one.Message = now.Status, now.Message
		}
		all = append(all, one)
	}
	return all, nil
}

func regrade(program *grader.Program, lab *content.Lab, kept *Kept) (grader.Result, error) {
	step, there := lab.Step(kept.Result.Step)
	if !there {
		return grader.Result{}, errors.New("the lab has no such step any more")
	}
	if check, there := step.Check(kept.Result.Check); there && check.Answer != nil {
		return grader.JudgeAnswer(step.Name, check, kept.Result.Found), nil
	}
	return program.Regrade(step.Name, kept.Result.Check, kept.Record)
}
