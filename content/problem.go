package content

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Problem is one mistake of an author, at the place where it is mended.
type Problem struct {
	File    string `json:"file"`           // slash-separated, relative to the file system that Load was given
	Line    int    `json:"line,omitempty"` // from 1; 0 where the whole file or folder is meant
	Message string `json:"message"`        // what is wrong and what would be right
}

// Error is the problem in the form that editors and terminals turn into a link:
// "file:line: message".
func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// byPlace compares two problems by file and line.
func byPlace(a, b *Problem) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// Problems takes an error of Load apart. An error that is not about content,
// such as a disk that cannot be read, becomes a Problem without a file's line, so
// that no error is lost on the way to the author.
func Problems(err error) []*Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Problem
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	var problem *Problem
	if errors.As(err, &problem) {
		return []*Problem{problem}
	}
	return []*Problem{{File: ".", Message: err.Error()}}
}

// quote puts words of an author into a message, shortened so that a file of one
// long line cannot fill a screen.
func quote(text string) string {
	const most = 60 // characters
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return `"` + strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), `"`, `'`) + `"`
}
