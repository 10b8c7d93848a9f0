package labs

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// people is what can be done to accounts and classes, whoever may do it: package
// labs' Service checks that for those who are logged in, and Operator is for whoever
// has the machine.
type people struct {
	stores    Stores
	passwords *passwords
}

// setPassword gives a user a password, where it keeps the rules, and ends their
// log-ins and links but the log-in keep, which may be nil.
func (p *people) setPassword(ctx context.Context, user *User, password string, keep []byte) error {
	if err := checkPassword(user.Name, password); err != nil {
		return err
	}
	hash, err := p.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return p.stores.Users.SetPassword(ctx, user.ID, hash, keep)
}

// resetPassword gives a user a password that can be read aloud.
func (p *people) resetPassword(ctx context.Context, user *User) (password string, err error) {
	if user.PasswordHash == "" {
		return "", &Error{Code: CodeConflict, Message: "The learner of this machine has no password: `wheelhouse learn` prints a link."}
	}
	password = newPassword()
	return password, p.setPassword(ctx, user, password, nil)
}

func (p *people) rename(ctx context.Context, user *User, name string) (*User, error) {
	name, err := cleanName(name)
	if err != nil {
		return nil, err
	}
	changed := *user
	changed.Name = name
	return &changed, p.stores.Users.Rename(ctx, user.ID, name)
}

func (p *people) renewCode(ctx context.Context, class *Class) (*Class, error) {
	changed := *class
	err := withNewCode(func(code string) error {
		changed.Code = code
		return p.stores.Classes.SetCode(ctx, class.ID, code)
	})
	return &changed, err
}

func (p *people) closeClass(ctx context.Context, class *Class) (*Class, error) {
	changed := *class
	changed.Code = ""
	return &changed, p.stores.Classes.SetCode(ctx, class.ID, "")
}

// invite returns the secret of a link with which another instructor makes their
// account.
func (p *people) invite(ctx context.Context, valid time.Duration) (secret string, err error) {
	return saveLink(ctx, p.stores.Links, &Link{Invites: true, ExpiresAt: now().Add(valid)})
}

// ChangePassword gives actor, who has to know the present one, a new password. All
// other log-ins of theirs end; token is of the one that stays.
func (s *Service) ChangePassword(ctx context.Context, actor *User, token, current, password string) error {
	user, err := s.stores.Users.Get(ctx, actor.ID)
	if err != nil {
		return err
	}
	matches, err := s.people.passwords.match(ctx, user.PasswordHash, current)
	if err != nil {
		return err
	}
	if !matches {
		return &Error{Code: CodeForbidden, Message: "That is not your present password. Ask your instructor for a new one if you have forgotten it."}
	}
	return s.people.setPassword(ctx, user, password, hashSecret(token))
}

// ResetPassword gives a student of actor's a new password and returns it, to be told
// to the student. All log-ins of the student end.
func (s *Service) ResetPassword(ctx context.Context, actor *User, classID, studentID string) (password string, err error) {
	_, student, err := s.student(ctx, actor, classID, studentID)
	if err != nil {
		return "", err
	}
	return s.people.resetPassword(ctx, student)
}

// RenameStudent gives a student of actor's another name, by which they log in from
// then on.
func (s *Service) RenameStudent(ctx context.Context, actor *User, classID, studentID, name string) (*User, error) {
	_, student, err := s.student(ctx, actor, classID, studentID)
	if err != nil {
		return nil, err
	}
	renamed, err := s.people.rename(ctx, student, name)
	if err != nil {
		return nil, err
	}
	return renamed, s.classesChanged(ctx, studentID)
}

// RemoveStudent takes a student out of a class of actor's. Their account stays, with
// what they achieved.
func (s *Service) RemoveStudent(ctx context.Context, actor *User, classID, studentID string) error {
	if _, _, err := s.student(ctx, actor, classID, studentID); err != nil {
		return err
	}
	if err := s.stores.Rosters.Leave(ctx, classID, studentID); err != nil {
		return err
	}
	s.left(classID, studentID)
	return nil
}

// MoveStudent puts a student of one class of actor's into another one of theirs.
func (s *Service) MoveStudent(ctx context.Context, actor *User, classID, studentID, to string) error {
	if _, _, err := s.student(ctx, actor, classID, studentID); err != nil {
		return err
	}
	target, err := s.taught(ctx, actor, to)
	if err != nil {
		return err
	}
	if to == classID {
		return nil
	}
	if err := s.stores.Rosters.Join(ctx, to, studentID, now()); err != nil {
		return err
	}
	s.joined(target, studentID)
	if err := s.stores.Rosters.Leave(ctx, classID, studentID); err != nil {
		return err
	}
	s.left(classID, studentID)
	return nil
}

// DeleteStudent ends the sessions of a student of actor's and removes their account
// with all that is stored of them. CodeConflict where they are in a class of another
// instructor too.
func (s *Service) DeleteStudent(ctx context.Context, actor *User, classID, studentID string) error {
	_, student, err := s.student(ctx, actor, classID, studentID)
	if err != nil {
		return err
	}
	classes, err := s.stores.Rosters.ClassesOf(ctx, studentID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(classes, func(c Class) bool { return c.InstructorID != actor.ID }) {
		return &Error{Code: CodeConflict, Message: student.Name + " is in a class of another instructor too. Remove them from yours instead."}
	}
	s.opening.Lock() // so that no session is opened meanwhile
	defer s.opening.Unlock()
	for _, live := range s.livesOf(studentID) {
		if err := live.end(ctx, &outcome{phase: Ended, reason: "AccountDeleted", message: "This account was removed by its instructor."}); err != nil {
			return err
		}
	}
	if err := s.stores.Users.Delete(ctx, studentID); err != nil {
		return err
	}
	s.subscriptions.changed(idsOf(classes)...)
	return nil
}

// InviteInstructor returns the secret of a one-time link with which another
// instructor makes their account.
func (s *Service) InviteInstructor(ctx context.Context, actor *User) (secret string, err error) {
	if actor.Role != Instructor {
		return "", &Error{Code: CodeForbidden, Message: "Only an instructor can invite another one."}
	}
	return s.people.invite(ctx, s.limits.Link)
}

// RenewCode gives a class of actor's another code: the old one lets nobody in any
// more. A class that was closed is open again.
func (s *Service) RenewCode(ctx context.Context, actor *User, classID string) (*Class, error) {
	return s.changeCode(ctx, actor, classID, s.people.renewCode)
}

// CloseClass takes the code from a class of actor's, so that nobody can join it.
func (s *Service) CloseClass(ctx context.Context, actor *User, classID string) (*Class, error) {
	return s.changeCode(ctx, actor, classID, s.people.closeClass)
}

func (s *Service) changeCode(ctx context.Context, actor *User, classID string, change func(context.Context, *Class) (*Class, error)) (*Class, error) {
	class, err := s.taught(ctx, actor, classID)
	if err != nil {
		return nil, err
	}
	if class, err = change(ctx, class); err != nil {
		return nil, err
	}
	s.subscriptions.changed(classID)
	return class, nil
}

// student returns a class that actor teaches and a student in it: CodeNotFound where
// it is not theirs, or the student is not in it.
func (s *Service) student(ctx context.Context, actor *User, classID, studentID string) (*Class, *User, error) {
	class, err := s.taught(ctx, actor, classID)
	if err != nil {
		return nil, nil, err
	}
	students, err := s.stores.Rosters.Students(ctx, classID)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(students, func(u User) bool { return u.ID == studentID })
	if at < 0 {
		return nil, nil, &Error{Code: CodeNotFound, Message: "There is no such student in this class. Reload the page."}
	}
	if students[at].Role != Student {
		return nil, nil, &Error{Code: CodeForbidden, Message: students[at].Name + " is an instructor, whose account only they can change."}
	}
	return class, &students[at], nil
}

// left lets a class's readers and the student's live sessions know.
func (s *Service) left(classID, userID string) {
	for _, live := range s.livesOf(userID) {
		live.leftClass(classID)
	}
	s.subscriptions.changed(classID)
}

// classesChanged lets the readers of all classes of a student look again.
func (s *Service) classesChanged(ctx context.Context, userID string) error {
	classes, err := s.stores.Rosters.ClassesOf(ctx, userID)
	if err != nil {
		return err
	}
	s.subscriptions.changed(idsOf(classes)...)
	return nil
}

// Operator is who has the machine and its data folder: they may change accounts and
// classes without being logged in. The server may run meanwhile: it sees that
// log-ins have ended within two seconds.
type Operator struct {
	people people
	valid  time.Duration // of links
}

// NewOperator works on the stores of a data folder.
func NewOperator(stores Stores) *Operator {
	return &Operator{people: people{stores: stores, passwords: newPasswords()}, valid: Limits{}.withDefaults().Link}
}

// Users returns all accounts, by name.
func (o *Operator) Users(ctx context.Context) ([]User, error) { return o.people.stores.Users.All(ctx) }

// Classes returns all classes, by title.
func (o *Operator) Classes(ctx context.Context) ([]Class, error) {
	return o.people.stores.Classes.All(ctx)
}

// ClassesOf returns the classes that a user is in as a student.
func (o *Operator) ClassesOf(ctx context.Context, user *User) ([]Class, error) {
	return o.people.stores.Rosters.ClassesOf(ctx, user.ID)
}

// User returns the account of a name: CodeNotFound where there is none.
func (o *Operator) User(ctx context.Context, name string) (*User, error) {
	user, err := o.people.stores.Users.ByName(ctx, name)
	if CodeOf(err) == CodeNotFound {
		return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("There is no account with the name %s. `wheelhouse user list` shows them all.", name)}
	}
	return user, err
}

// Class returns the class with a code or an id: CodeNotFound where there is none.
func (o *Operator) Class(ctx context.Context, code string) (*Class, error) {
	classes, err := o.Classes(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(classes, func(c Class) bool { return c.ID == code || c.Code != "" && c.Code == cleanCode(code) })
	if at < 0 {
		return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("There is no class with the code or id %s. `wheelhouse class list` shows them all.", code)}
	}
	return &classes[at], nil
}

// ResetPassword gives a user a new password and returns it. All of their log-ins end.
func (o *Operator) ResetPassword(ctx context.Context, user *User) (password string, err error) {
	return o.people.resetPassword(ctx, user)
}

// Rename gives a user another name, by which they log in from then on.
func (o *Operator) Rename(ctx context.Context, user *User, name string) (*User, error) {
	return o.people.rename(ctx, user, name)
}

// LiveSession is a session under way, as an operator sees it.
type LiveSession struct {
	Session   Session
	User      User
	Completed int // steps
}

// Sessions returns the sessions under way, oldest first: those of one user, or
// everybody's where userID is empty.
func (o *Operator) Sessions(ctx context.Context, userID string) ([]LiveSession, error) {
	stores := o.people.stores
	sessions, err := stores.Sessions.Live(ctx, userID)
	if err != nil {
		return nil, err
	}
	var live []LiveSession
	for _, session := range sessions {
		user, err := stores.Users.Get(ctx, session.UserID)
		if err != nil {
			return nil, err
		}
		steps, err := stores.Results.Of(ctx, session.ID)
		if err != nil {
			return nil, err
		}
		completed := 0
		for _, step := range steps {
			if !step.CompletedAt.IsZero() {
				completed++
			}
		}
		live = append(live, LiveSession{Session: session, User: *user, Completed: completed})
	}
	return live, nil
}

// Delete removes a user with all that is stored of them. CodeConflict where they have
// a live session, which has a cluster, or teach a class.
func (o *Operator) Delete(ctx context.Context, user *User) error {
	live, err := o.people.stores.Sessions.Live(ctx, user.ID)
	if err != nil {
		return err
	}
	if len(live) > 0 {
		return &Error{Code: CodeConflict, Message: fmt.Sprintf("%s has the lab %s open. Start Wheelhouse and try again, so that the lab can be ended first.", user.Name, live[0].Lab)}
	}
	classes, err := o.people.stores.Classes.ByInstructor(ctx, user.ID)
	if err != nil {
		return err
	}
	if len(classes) > 0 {
		return &Error{Code: CodeConflict, Message: fmt.Sprintf("%s teaches the class %s, whose gradebook would be lost.", user.Name, classes[0].Title)}
	}
	return o.people.stores.Users.Delete(ctx, user.ID)
}

// Invite returns the secret of a one-time link with which another instructor makes
// their account.
func (o *Operator) Invite(ctx context.Context) (secret string, err error) {
	return o.people.invite(ctx, o.valid)
}

// RenewCode gives a class another code.
func (o *Operator) RenewCode(ctx context.Context, class *Class) (*Class, error) {
	return o.people.renewCode(ctx, class)
}

// CloseClass takes the code from a class, so that nobody can join it.
func (o *Operator) CloseClass(ctx context.Context, class *Class) (*Class, error) {
	return o.people.closeClass(ctx, class)
}
