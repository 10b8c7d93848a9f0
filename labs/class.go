package labs

import (
	"context"
	"time"
)

// Class is a group of students and the instructor who teaches it.
type Class struct {
	ID           string // "c_" and 16 characters of base32
	Title        string
	Code         string // what students join by: 8 letters and digits without look-alikes, "K7QM-2XRT"
	InstructorID string
	CreatedAt    time.Time
}

// Classes stores classes and their rosters.
type Classes interface {
	Create(ctx context.Context, class *Class) error
	Get(ctx context.Context, id string) (*Class, error)
	ByCode(ctx context.Context, code string) (*Class, error)
	ByInstructor(ctx context.Context, userID string) ([]Class, error)
}

// Rosters stores who is in which class.
type Rosters interface {
	// Join is idempotent.
	Join(ctx context.Context, classID, userID string, at time.Time) error
	Students(ctx context.Context, classID string) ([]User, error) // by name
	ClassesOf(ctx context.Context, userID string) ([]Class, error)
}
