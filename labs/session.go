package labs

import (
	"context"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs/mend"
	"wheelhouse/provisioner"
)

// Phase says how far a session is. It only goes forward.
type Phase string

// The phases of a session.
const (
	Pending Phase = "Pending" // waits for its cluster, or the cluster for its set-up
	Ready   Phase = "Ready"   // the student works
	Failed  Phase = "Failed"  // Message says why and what to do next; the cluster is released
	Ended   Phase = "Ended"   // the student, the instructor or time ended it; the cluster is released
)

// Session is one student's run at one lab.
type Session struct {
	ID         string // "s_" and 16 characters of base32
	UserID     string
	Lab        string // the lab's name
	Phase      Phase
	Reason     string // CamelCase: why it is in its phase
	Message    string // a sentence for the student
	Cluster    string // the name of the claimed cluster; empty until claimed and after release
	CreatedAt  time.Time
	ReadyAt    time.Time // zero until Ready
	EndedAt    time.Time // zero until Failed or Ended
	ActiveAt   time.Time // when the student last did something
	FinishedAt time.Time // when its last step was completed; zero until then
}

// Live tells whether the session may still use a cluster.
func (s *Session) Live() bool { return s.Phase == Pending || s.Phase == Ready }

// StepState is one step of one session.
type StepState struct {
	Step        string
	CompletedAt time.Time       // zero while open
	Results     []grader.Result // the latest of each check; those that completed it once it is complete
}

// View is everything that a page shows of a session: what the events socket
// sends whole, on connect and after every change.
type View struct {
	Session  Session
	Steps    []StepState           // in the lab's order, every step
	Progress *provisioner.Progress // while Pending; nil otherwise

	Hints     []TakenHint // that its student took at this lab, in whichever session, by step and position
	HintCosts HintCosts   // what the next ones cost

	Faults []mend.Fault // what the student broke of the way to the cluster, while Ready

	Tries []Try // of its student at this lab, in whichever session, by step, check and time
}

// resultsOf returns what is known of a step.
func (v *View) resultsOf(name string) []grader.Result {
	for _, step := range v.Steps {
		if step.Step == name {
			return step.Results
		}
	}
	return nil
}

// state is what a View is made of.
type state struct {
	session  Session
	steps    []StepState
	progress *provisioner.Progress // while Pending
	hints    []TakenHint           // by step and position
	tries    []Try                 // by step, check and time
	classes  []Class               // whose readers see this session
	faults   []mend.Fault          // as last seen, while Ready
}

// load reads what is stored of a session, which has been read already.
func (s *Service) load(ctx context.Context, session Session) (*state, error) {
	known, err := s.stores.Results.Of(ctx, session.ID)
	if err != nil {
		return nil, err
	}
	classes, err := s.stores.Rosters.ClassesOf(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	hints, err := s.stores.Hints.Of(ctx, session.UserID, session.Lab)
	if err != nil {
		return nil, err
	}
	tries, err := s.stores.Tries.Of(ctx, session.UserID, session.Lab)
	if err != nil {
		return nil, err
	}
	return &state{session: session, steps: inLabOrder(s.labOf(&session), known), hints: hints, tries: tries, classes: classes}, nil
}

// snapshot is the only place that makes a View.
func (s *state) snapshot() *View {
	view := &View{Session: s.session, Steps: s.steps, Hints: s.hints, HintCosts: costsOf(s.classes), Tries: s.tries}
	if s.session.Phase == Pending {
		view.Progress = s.progress
	}
	if s.session.Phase == Ready {
		view.Faults = s.faults
	}
	return view
}

// Sessions stores sessions. Save writes the whole row, new or not; a second live
// session of one user at one lab is an Error with CodeConflict.
type Sessions interface {
	Save(ctx context.Context, session *Session) error
	Get(ctx context.Context, id string) (*Session, error)
	// Live returns the sessions that are Pending or Ready, oldest first: those of
	// one user, or everybody's where userID is empty.
	Live(ctx context.Context, userID string) ([]Session, error)
}

// Results stores what was found.
type Results interface {
	// Record writes, in one transaction, the session's row, the results that
	// changed and the steps that they completed. When it returns nil, all of it
	// survives the death of the process and of the machine.
	Record(ctx context.Context, session *Session, results []grader.Result, completed map[string]time.Time) error
	// Of returns the steps of a session that have any result, by name.
	Of(ctx context.Context, sessionID string) ([]StepState, error)
	// Kept returns all results at a lab, by student and session.
	Kept(ctx context.Context, lab string) ([]Kept, error)
}
