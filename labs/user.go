package labs

import (
	"context"
	"time"
)

// Role says what a user may do.
type Role string

// The roles. An instructor may do what a student may, and sees the classes that
// they teach.
const (
	Student    Role = "Student"
	Instructor Role = "Instructor"
)

// User is a person with an account.
type User struct {
	ID           string // "u_" and 16 characters of base32
	Name         string // what they log in with, unique without regard to case
	Role         Role
	PasswordHash string // argon2id in PHC form; empty for the learner of "wheelhouse learn"
	CreatedAt    time.Time
}

// Login is one browser's proof of who it is. Only the SHA-256 of its token is
// stored.
type Login struct {
	TokenHash []byte
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Link is a one-time secret that logs in as a user or, where UserID is empty, makes
// an instructor: the first one, or another one where it invites.
type Link struct {
	TokenHash []byte
	UserID    string
	Invites   bool
	ExpiresAt time.Time
}

// Users stores people. Get and ByName return an Error with CodeNotFound where
// there is none; Create, Enroll and Rename one with CodeConflict where the name is taken.
type Users interface {
	Create(ctx context.Context, user *User) error
	// Enroll is Create, puts the user into a class and logs them in, in one transaction.
	Enroll(ctx context.Context, user *User, classID string, login *Login) error
	Rename(ctx context.Context, id, name string) error
	// SetPassword writes a password's hash and, in the same transaction, removes all
	// log-ins and links of the user but the log-in keep, which may be nil.
	SetPassword(ctx context.Context, id, hash string, keep []byte) error
	// Delete removes a student and all that is stored of them. It removes no
	// instructor who has a class.
	Delete(ctx context.Context, id string) error
	All(ctx context.Context) ([]User, error) // by name
	Get(ctx context.Context, id string) (*User, error)
	ByName(ctx context.Context, name string) (*User, error)
	Count(ctx context.Context, role Role) (int, error)
}

// Logins stores log-ins and one-time links by the hash of their tokens. An
// expired one is as good as absent: CodeNotFound.
type Logins interface {
	Save(ctx context.Context, login *Login) error
	Get(ctx context.Context, tokenHash []byte, now time.Time) (*Login, error)
	Delete(ctx context.Context, tokenHash []byte) error
}

// Links stores one-time links by the hash of their secrets. An expired one is as
// good as absent: CodeNotFound.
type Links interface {
	Save(ctx context.Context, link *Link) error
	// Get returns the link and leaves it as it is.
	Get(ctx context.Context, tokenHash []byte, now time.Time) (*Link, error)
	// Take returns the link and removes it, so that of two callers one gets it.
	Take(ctx context.Context, tokenHash []byte, now time.Time) (*Link, error)
}
