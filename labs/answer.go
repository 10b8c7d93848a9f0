package labs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// given is an answer on its way to the goroutine of its session.
type given struct {
	result grader.Result
	stored chan error // capacity 1
}

// Answer judges what a student answered to a check of an open step, and returns
// when that is stored. A wrong option is a Try, which costs points. CodeInvalid says
// that this is no answer to this check,
// CodeConflict that none can be given now.
func (s *Service) Answer(ctx context.Context, actor *User, id, step, check, answer string) (*View, error) {
	view, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.allow(ctx, actor, &view.Session, Write); err != nil {
		return nil, err
	}
	live := s.find(id)
	if live == nil || view.Session.Phase != Ready {
		return nil, &Error{Code: CodeConflict, Message: "This session is not open, so no answer can be taken. Open the lab again."}
	}
	asked, err := live.asked(step, check, answer)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(openSteps(live.lab, view.Steps), step) {
		return nil, &Error{Code: CodeConflict, Message: "This step is not open, so no answer to it can be taken."}
	}
	s.Touch(id)
	if len(asked.Answer.Options) > 0 && !asked.Answer.Right(answer) && !passed(find(view.resultsOf(step), check)) {
		try := Try{Step: step, Check: check, Option: answer, At: now()}
		if err := s.stores.Tries.Add(ctx, view.Session.UserID, view.Session.Lab, try); err != nil {
			return nil, err
		}
		live.tried(try)
	}
	this := given{result: grader.JudgeAnswer(step, asked, answer), stored: make(chan error, 1)}
	select {
	case live.answers <- this:
	case <-live.over:
		return nil, &Error{Code: CodeConflict, Message: "This session is over, so no answer can be taken. Open the lab again."}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err = <-this.stored:
	case <-live.over:
		err = &Error{Code: CodeConflict, Message: "This session ended before the answer was stored."}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return live.view.Load(), nil
}

// asked finds the check that is answered.
func (l *liveSession) asked(step, name, answer string) (*content.Check, error) {
	var check *content.Check
	if l.lab != nil {
		if of, there := l.lab.Step(step); there {
			check, _ = of.Check(name)
		}
	}
	switch {
	case check == nil || check.Answer == nil:
		return nil, &Error{Code: CodeNotFound, Message: "There is no such question in this lab. Reload the page."}
	case strings.TrimSpace(answer) == "":
		return nil, &Error{Code: CodeInvalid, Message: "The answer is empty. Type one, then send it."}
	case len(answer) > content.AnswerSize:
		return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("The answer has %d bytes and may have %d. Make it shorter.", len(answer), content.AnswerSize)}
	case !check.Answer.Offers(answer):
		return nil, &Error{Code: CodeInvalid, Message: "That is none of the options. Reload the page, then choose one."}
	}
	return check, nil
}
