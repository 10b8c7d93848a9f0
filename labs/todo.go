package labs

import (
	"context"
	"errors"

	"wheelhouse/grader"
	"wheelhouse/provisioner"
)

var errTODO = errors.New("labs: not there yet")

// Login checks the password and starts a log-in. An unknown name and a wrong
// password give the same error, CodeUnauthorized, after the same time.
func (s *Service) Login(ctx context.Context, name, password string) (token string, user *User, err error) {
	return "", nil, errTODO
}

// Logout ends the log-in and everything that watches it (Revoked). An unknown
// token is no error.
func (s *Service) Logout(ctx context.Context, token string) error { return errTODO }

// Authenticate returns whose token it is: CodeUnauthorized for one that is
// unknown, expired or logged out.
func (s *Service) Authenticate(ctx context.Context, token string) (*User, error) {
	return nil, errTODO
}

// Revoked returns a channel that is closed as soon as the log-in ends, by log-out
// or expiry: whoever holds a socket for it has to close that then. It fails like
// Authenticate. The caller calls cancel when it no longer listens.
func (s *Service) Revoked(ctx context.Context, token string) (revoked <-chan struct{}, cancel func(), err error) {
	return nil, nil, errTODO
}

// TakeLink uses up a one-time link and logs its user in. The link of the first
// instructor is not used up and logs nobody in: user is nil then, and the page
// has to ask for a name and a password for Bootstrap.
func (s *Service) TakeLink(ctx context.Context, secret string) (token string, user *User, err error) {
	return "", nil, errTODO
}

// NeedsInstructor tells whether there is no instructor yet.
func (s *Service) NeedsInstructor(ctx context.Context) (bool, error) { return false, errTODO }

// BootstrapLink returns the secret of a new link with which the first instructor
// makes their account: "" when there is an instructor.
func (s *Service) BootstrapLink(ctx context.Context) (secret string, err error) { return "", errTODO }

// Bootstrap makes the first instructor and logs them in. The link is used up only
// when that worked.
func (s *Service) Bootstrap(ctx context.Context, secret, name, password string) (token string, user *User, err error) {
	return "", nil, errTODO
}

// LearnerLink returns the secret of a new one-time link that logs in as the one
// learner of "wheelhouse learn", who is made on first use and has no password.
func (s *Service) LearnerLink(ctx context.Context) (secret string, err error) { return "", errTODO }

// Join puts actor into the class that code names. Where actor is nil it first
// makes a student account of name and password and logs that in; otherwise token
// is empty, and name and password are ignored.
func (s *Service) Join(ctx context.Context, actor *User, code, name, password string) (token string, user *User, err error) {
	return "", nil, errTODO
}

// CreateClass makes a class that actor, an instructor, teaches.
func (s *Service) CreateClass(ctx context.Context, actor *User, title string) (*Class, error) {
	return nil, errTODO
}

// ClassesOf returns the classes that actor teaches or, as a student, is in.
func (s *Service) ClassesOf(ctx context.Context, actor *User) ([]Class, error) { return nil, errTODO }

// Grid returns how the students of a class stand, for its instructor.
func (s *Service) Grid(ctx context.Context, actor *User, classID string) (*Grid, error) {
	return nil, errTODO
}

// SubscribeClass is Subscribe for a class's Grid.
func (s *Service) SubscribeClass(ctx context.Context, actor *User, classID string) (changed <-chan struct{}, cancel func(), err error) {
	return nil, nil, errTODO
}

// ClassResults is View for a session of a student of the class, for its instructor.
func (s *Service) ClassResults(ctx context.Context, actor *User, classID, sessionID string) (*View, error) {
	return nil, errTODO
}

// Right is what a caller wants to do with a session.
type Right string

// The rights. Its student has both; the instructor of a class that the student
// is in may Read.
const (
	Read  Right = "Read"
	Write Right = "Write"
)

// Open returns actor's live session at the lab and starts one where there is none
// (created): it answers at once, the cluster comes later. CodeLimited where actor
// has too many live sessions.
func (s *Service) Open(ctx context.Context, actor *User, lab string) (view *View, created bool, err error) {
	return nil, false, errTODO
}

// View returns the whole session as it is now. A session that is not actor's to
// read is CodeNotFound.
func (s *Service) View(ctx context.Context, actor *User, id string) (*View, error) {
	return nil, errTODO
}

// End ends actor's own session and releases its cluster. When it returns nil that
// is stored. Ending what has ended is no error.
func (s *Service) End(ctx context.Context, actor *User, id string) error { return errTODO }

// Results returns the steps of a session with their results and evidence, in the
// lab's order.
func (s *Service) Results(ctx context.Context, actor *User, id string) ([]StepState, error) {
	return nil, errTODO
}

// Subscribe returns a channel that receives after each change of the session.
// The value carries nothing: the reader calls View again. It holds one value, so
// that many changes may be one, and none is missed. While the session's student
// is subscribed they count as online. The caller calls cancel in the end.
func (s *Service) Subscribe(ctx context.Context, actor *User, id string) (changed <-chan struct{}, cancel func(), err error) {
	return nil, nil, errTODO
}

// Touch notes that the student did something in the session. It is cheap and may
// be called for each keystroke; the caller has checked that the session is theirs.
func (s *Service) Touch(id string) {}

// Access reaches the cluster of a session that is Ready: CodeConflict before and
// after. Only a caller who asked for Write may pass on input.
func (s *Service) Access(ctx context.Context, actor *User, id string, right Right) (*provisioner.Access, error) {
	return nil, errTODO
}

// Progress returns how actor stands at each lab that they ever opened.
func (s *Service) Progress(ctx context.Context, actor *User) (Entries, error) { return nil, errTODO }

var _ = grader.True
