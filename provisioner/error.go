package provisioner

import "errors"

// ErrNotFound says that there is no cluster of that name.
var ErrNotFound = errors.New("no such cluster")

// ErrHalted says that the cluster's processes have ended, so that there is nothing
// to freeze or to thaw; a Starter can start them again.
var ErrHalted = errors.New("it is stopped")

// Reason says in one word what kind of trouble an Error is.
type Reason string

// The reasons.
const (
	NoEngine     Reason = "NoEngine"     // no container engine answers
	NoImage      Reason = "NoImage"      // an image that clusters are made from is neither here nor to be had
	NameTaken    Reason = "NameTaken"    // there is a cluster of that name already
	TimedOut     Reason = "TimedOut"     // a creation ran over its time limit
	CreateFailed Reason = "CreateFailed" // a creation failed for another cause
	NotObserved  Reason = "NotObserved"  // the provider cannot say which clusters there are
	NotRecorded  Reason = "NotRecorded"  // a hand-over could not be noted on the disk
	NoPack       Reason = "NoPack"       // there is no runtime pack, or it cannot be made or used
	NoNode       Reason = "NoNode"       // the cluster has no node of that name
	NotThawed    Reason = "NotThawed"    // a cluster that rested does not go on
	Stopped      Reason = "Stopped"      // the pool does not run any more
)

// Error is trouble with clusters that a person can do something about. Message
// is a sentence or two for that person: what happened and the next step. Err,
// which may be nil, is the cause for the log.
type Error struct {
	Reason  Reason
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

// ReasonOf returns the reason of the first Error in err's chain, or "" where
// there is none.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// messageOf returns what to tell a person of err: the Message of the first Error
// in its chain, or "" where there is none, since other errors are not for people.
func messageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return ""
}
