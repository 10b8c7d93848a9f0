package grader

import "time"

// Status is a result's answer, in the words of metav1.ConditionStatus.
type Status string

// The three answers. Unknown never counts as passed.
const (
	True    Status = "True"
	False   Status = "False"
	Unknown Status = "Unknown"
)

// The reasons that a result can carry, in metav1.Condition's CamelCase.
const (
	ReasonPassed      = "Passed"
	ReasonPending     = "Pending"            // False: on its way, not wrong
	ReasonWrong       = "Wrong"              // False: a validation is untrue
	ReasonNotFound    = "NotFound"           // False: an object that the check names is not there
	ReasonInvalid     = "EvaluationFailed"   // Unknown: the expression failed, panicked or has the wrong type
	ReasonCost        = "CostExceeded"       // Unknown: the expression asked for more than it may use
	ReasonTimeout     = "Timeout"            // Unknown: the check ran over its time
	ReasonTooLarge    = "TooLarge"           // Unknown: there is more to look at than a check may see
	ReasonUnreachable = "ClusterUnreachable" // Unknown: the API server did not answer
	ReasonForged      = "StatusForged"       // Unknown: what would pass rests on a status that a student wrote by hand
	ReasonIntercepted = "Intercepted"        // Unknown: what would pass came by way of an extension of the API server that may have changed it
	ReasonNotSeen     = "NotSeen"            // Unknown: the watch had a gap while a change went on
)

// Result is what one check found at one moment.
type Result struct {
	Step     string     `json:"step"`
	Check    string     `json:"check"`
	Status   Status     `json:"status"`
	Reason   string     `json:"reason"`
	Message  string     `json:"message"`          // a sentence for the student; empty when True
	Wanted   string     `json:"wanted,omitempty"` // what was asked for: "nginx:1.27", "at least 3"; where that can be told
	Found    string     `json:"found,omitempty"`  // what is there: "nginx:1.26", "nothing"
	Object   string     `json:"object,omitempty"` // what Found is of: "Deployment default/web"
	Hint     string     `json:"hint,omitempty"`   // a sentence: the slip that was most likely made
	Evidence []Evidence `json:"evidence,omitempty"`
	At       time.Time  `json:"at"`

	// Confirmed says that the result answers a Confirm, or is one of Evaluate: all
	// that it rests on was asked for after the call, together with what the other
	// checks of its step rest on.
	Confirmed bool `json:"-"`

	saw *sightings // nil where nothing is to be kept; see Record
}

// Pending tells whether the student has only to wait.
func (r Result) Pending() bool { return r.Reason == ReasonPending }

// Evidence is something that a check looked at, as it was then: an object's YAML
// without managed fields and secrets' values, or a command's output. It is cut at 16
// KiB.
type Evidence struct {
	Name string // "Deployment default/web", "kubectl exec web -- hostname"
	Text string // of what is no object; String returns it of both

	object *object // whose text is made when a page asks, since most of it is never read
}

// String is what was looked at, as a person reads it.
func (e Evidence) String() string {
	if e.object != nil {
		return e.object.shownText()
	}
	return e.Text
}
