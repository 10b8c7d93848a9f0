package content

import (
	"embed"
	"io/fs"
)

//go:embed all:courses
var courses embed.FS

// Embedded returns the courses that come with the program, one folder each, in
// the form that Load takes.
func Embedded() fs.FS {
	sub, err := fs.Sub(courses, "courses")
	if err != nil { // only for an invalid path, and this one is a constant
		panic(err)
	}
	return sub
}
