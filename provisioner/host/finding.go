// Package host looks at the machine that clusters run on: what a doctor finds
// there whichever provider makes them. Providers use it; it changes nothing.
package host

// Status is how a doctor's finding is to be taken.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // clusters work, but something is worse than it could be
	Failure Status = "error"   // no cluster can be made
)

// Finding is one thing that a doctor looked at.
type Finding struct {
	Name    string `json:"name"` // what was looked at: "container engine"
	Status  Status `json:"status"`
	Message string `json:"message"`        // what was found, a sentence
	Next    string `json:"next,omitempty"` // what to do about it; empty when OK
}

// Found returns what was looked at, how that is to be taken, what was found and,
// unless all is well, what to do about it.
func Found(name string, status Status, message, next string) Finding {
	return Finding{Name: name, Status: status, Message: message, Next: next}
}
