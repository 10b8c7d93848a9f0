package kind

import "context"

// Status is how a doctor's finding is to be taken.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // clusters work, but something is worse than it could be
	Failure Status = "error"   // no cluster can be made
)

// Finding is one thing that Doctor looked at.
type Finding struct {
	Name    string // what was looked at: "container engine"
	Status  Status
	Message string // what was found, a sentence
	Next    string // what to do about it; empty when OK
}

// Doctor looks at everything that clusters need on this machine. It changes
// nothing. It blocks for a few seconds at most.
func Doctor(ctx context.Context, options Options) []Finding {
	return nil
}
