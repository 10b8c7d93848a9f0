package grader

import (
	"time"

	"wheelhouse/content"
)

// JudgeAnswer judges what the student answered to a check that has an
// content.Answer. Found is the answer.
func JudgeAnswer(step string, check *content.Check, answer string) Result {
	result := Result{Step: step, Check: check.Name, Status: False, Reason: ReasonWrong, Message: check.Answer.Message, Found: answer,
		Evidence: []Evidence{{Name: "the answer", Text: answer}}, At: time.Now()}
	if check.Answer.Right(answer) {
		result.Status, result.Reason, result.Message = True, ReasonPassed, ""
	}
	return result
}
