package labs

import "errors"

// Code says what kind of trouble an Error is. Package server maps each to one
// HTTP status.
type Code string

// The codes.
const (
	CodeInvalid      Code = "Invalid"      // the input is wrong
	CodeUnauthorized Code = "Unauthorized" // not logged in, or wrong credentials
	CodeForbidden    Code = "Forbidden"    // logged in, but not allowed
	CodeNotFound     Code = "NotFound"     // no such thing, or not the caller's
	CodeConflict     Code = "Conflict"     // not in this state
	CodeLimited      Code = "Limited"      // too many, too often
	CodeUnavailable  Code = "Unavailable"  // something that is needed does not answer
)

// Error is trouble that a person is told of. Message is a sentence for that
// person, with the next step where there is one; Err, which people never see,
// is the cause for the log.
type Error struct {
	Code    Code
	Message string
	Err     error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, or "" where there
// is none: then it is a fault of ours.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
