package terminal

import "errors"

// Code says what kind of trouble an Error is.
type Code string

// The codes, as they travel.
const (
	CodeInvalid     Code = "invalid"     // the request makes no sense, or leads out of the home folder
	CodeLimited     Code = "limited"     // too many terminals, viewers or commands, or too large
	CodeUnavailable Code = "unavailable" // the workstation cannot: no room for a process or a file
)

// Error is a refusal of the agent's. Message is a sentence for a person; on the
// server's side it is free of control characters but otherwise the agent's own
// words, which a student may have made it say.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// ErrExited is what Terminal.Attach returns when the shell is over, a viewer has
// seen it, and the viewer has missed nothing of it: time for a new one.
var ErrExited = errors.New("the shell has exited")
