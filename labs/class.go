package labs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxTitle = 100 // characters

// Class is a group of students and the instructor who teaches it.
type Class struct {
	ID           string // "c_" and 16 characters of base32
	Title        string
	Code         string // what students join by: 8 letters and digits without look-alikes, "K7QM-3XRT"; empty where nobody can
	InstructorID string
	CreatedAt    time.Time
	HintCost     int // points that each hint costs its students, 0 to 10; or AsWritten
}

// AsWritten as a class's HintCost lets each lab say what its hints cost.
const AsWritten = -1

const maxHintCost = 10

// Classes stores classes and their rosters.
type Classes interface {
	Create(ctx context.Context, class *Class) error
	Get(ctx context.Context, id string) (*Class, error)
	ByCode(ctx context.Context, code string) (*Class, error)
	SetHintCost(ctx context.Context, id string, points int) error
	// SetCode is CodeConflict where another class has the code; the empty one is none.
	SetCode(ctx context.Context, id, code string) error
	All(ctx context.Context) ([]Class, error) // by title
	ByInstructor(ctx context.Context, userID string) ([]Class, error)
}

// Rosters stores who is in which class.
type Rosters interface {
	// Join is idempotent.
	Join(ctx context.Context, classID, userID string, at time.Time) error
	// Leave is idempotent.
	Leave(ctx context.Context, classID, userID string) error
	Students(ctx context.Context, classID string) ([]User, error) // by name
	ClassesOf(ctx context.Context, userID string) ([]Class, error)
}

const noClass = "There is no such class, or it is not yours."

// CreateClass makes a class that actor, an instructor, teaches.
func (s *Service) CreateClass(ctx context.Context, actor *User, title string) (*Class, error) {
	if actor.Role != Instructor {
		return nil, &Error{Code: CodeForbidden, Message: "Only an instructor can make a class."}
	}
	title = norm.NFC.String(strings.TrimSpace(title))
	if title == "" || utf8.RuneCountInString(title) > maxTitle || strings.ContainsFunc(title, invisible) {
		return nil, invalid("Give the class a title of 1 to 100 characters.")
	}
	class := &Class{ID: newID("c_"), Title: title, InstructorID: actor.ID, CreatedAt: now(), HintCost: AsWritten}
	err := withNewCode(func(code string) error {
		class.Code = code
		return s.stores.Classes.Create(ctx, class)
	})
	if err != nil {
		return nil, err
	}
	return class, nil
}

// ClassesOf returns the classes that actor teaches or, as a student, is in.
func (s *Service) ClassesOf(ctx context.Context, actor *User) ([]Class, error) {
	if actor.Role == Instructor {
		return s.stores.Classes.ByInstructor(ctx, actor.ID)
	}
	return s.stores.Rosters.ClassesOf(ctx, actor.ID)
}

// Join puts actor into the class that code names. Where actor is nil it first
// makes a student account of name and password and logs that in; otherwise token
// is empty, and name and password are ignored.
func (s *Service) Join(ctx context.Context, actor *User, code, name, password string) (token string, user *User, err error) {
	class, err := s.classOfCode(ctx, code)
	if err != nil {
		return "", nil, err
	}
	if actor != nil {
		user, err = actor, s.stores.Rosters.Join(ctx, class.ID, actor.ID, now())
	} else if user, err = s.newUser(ctx, Student, name, password); err == nil {
		var login *Login
		token, login = s.newLogin(user)
		err = s.stores.Users.Enroll(ctx, user, class.ID, login)
	}
	if err != nil {
		return "", nil, err
	}
	s.joined(class, user.ID)
	return token, user, nil
}

// ClassOfCode returns the id of the class that has this code: CodeNotFound where none
// has.
func (s *Service) ClassOfCode(ctx context.Context, code string) (id string, err error) {
	class, err := s.classOfCode(ctx, code)
	if err != nil {
		return "", err
	}
	return class.ID, nil
}

func (s *Service) classOfCode(ctx context.Context, code string) (*Class, error) {
	class, err := s.stores.Classes.ByCode(ctx, cleanCode(code))
	if CodeOf(err) == CodeNotFound {
		err = &Error{Code: CodeNotFound, Message: "There is no class with this code. Look at it again, or ask your instructor.", Err: err}
	}
	return class, err
}

// joined lets the class's readers see the student and their live sessions.
func (s *Service) joined(class *Class, userID string) {
	for _, live := range s.livesOf(userID) {
		live.joinedClass(*class)
	}
	s.subscriptions.changed(class.ID)
}

// SetHintCost says what each hint costs the students of a class that actor
// teaches: points from 0 to 10, or AsWritten. Hints that were taken before keep the
// cost that their students were told.
func (s *Service) SetHintCost(ctx context.Context, actor *User, classID string, points int) (*Class, error) {
	class, err := s.taught(ctx, actor, classID)
	if err != nil {
		return nil, err
	}
	if points != AsWritten && (points < 0 || points > maxHintCost) {
		return nil, invalid("A hint can cost from 0 to 10 points, or what its lab says.")
	}
	if err := s.stores.Classes.SetHintCost(ctx, classID, points); err != nil {
		return nil, err
	}
	class.HintCost = points
	s.mu.Lock()
	lives := slices.Collect(maps.Values(s.live))
	s.mu.Unlock()
	for _, live := range lives {
		live.classChanged(*class)
	}
	s.subscriptions.changed(classID)
	return class, nil
}

// Grid returns how the students of a class stand, for its instructor.
func (s *Service) Grid(ctx context.Context, actor *User, classID string) (*Grid, error) {
	class, err := s.taught(ctx, actor, classID)
	if err != nil {
		return nil, err
	}
	students, err := s.stores.Rosters.Students(ctx, classID)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(students))
	for i, student := range students {
		ids[i] = student.ID
	}
	entries, err := s.stores.Gradebook.Entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	grid := &Grid{Class: *class, Students: make([]GridStudent, len(students))}
	for i, student := range students {
		for _, entry := range entries[student.ID] {
			if live := s.find(entry.Session.ID); live != nil {
				entry.Session = live.view.Load().Session // with what is not stored, such as that it rests
			}
		}
		grid.Students[i] = GridStudent{ID: student.ID, Name: student.Name, Online: s.attendance.online(student.ID), Entries: entries[student.ID]}
	}
	return grid, nil
}

// SubscribeClass is Subscribe for a class's Grid. Its reader should wait for a
// second between two looks: a class of 30 changes often.
func (s *Service) SubscribeClass(ctx context.Context, actor *User, classID string) (changed <-chan struct{}, cancel func(), err error) {
	if _, err := s.taught(ctx, actor, classID); err != nil {
		return nil, nil, err
	}
	changed, cancel = s.subscriptions.subscribe(classID)
	return changed, cancel, nil
}

// ClassResults is View for a session of a student of the class, for its instructor.
func (s *Service) ClassResults(ctx context.Context, actor *User, classID, sessionID string) (*View, error) {
	if _, err := s.taught(ctx, actor, classID); err != nil {
		return nil, err
	}
	view, err := s.view(ctx, sessionID)
	if err != nil {
		return nil, err
	}
	classes, err := s.stores.Rosters.ClassesOf(ctx, view.Session.UserID)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(classes, func(c Class) bool { return c.ID == classID }) {
		return nil, &Error{Code: CodeNotFound, Message: noSession}
	}
	return view, nil
}

// taught returns the class if actor teaches it, and CodeNotFound otherwise.
func (s *Service) taught(ctx context.Context, actor *User, classID string) (*Class, error) {
	class, err := s.stores.Classes.Get(ctx, classID)
	if CodeOf(err) == CodeNotFound {
		return nil, &Error{Code: CodeNotFound, Message: noClass, Err: err}
	}
	if err != nil {
		return nil, err
	}
	if class.InstructorID != actor.ID || actor.Role != Instructor {
		return nil, &Error{Code: CodeNotFound, Message: noClass}
	}
	return class, nil
}
