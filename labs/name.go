package labs

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const maxName = 64 // characters

// learnerName is the name of the one user of "wheelhouse learn". Nobody else can
// take it, since its links log in without a password.
const learnerName = "learner"

// NameKey returns what two names share that count as the same: neither case nor
// the way in which a character is encoded tells people apart.
func NameKey(name string) string {
	return cases.Fold().String(norm.NFKC.String(strings.TrimSpace(name)))
}

// cleanName returns name as it is stored, without space around it.
func cleanName(name string) (string, error) {
	name = norm.NFC.String(strings.TrimSpace(name))
	switch {
	case !utf8.ValidString(name):
		return "", invalid("The name has to be text in UTF-8.")
	case name == "":
		return "", invalid("Give a name.")
	case utf8.RuneCountInString(name) > maxName:
		return "", invalid("The name may have at most 64 characters.")
	case strings.ContainsFunc(name, invisible):
		return "", invalid("The name may hold only letters, digits, signs and spaces, no invisible characters.")
	case NameKey(name) == learnerName:
		return "", &Error{Code: CodeConflict, Message: "The name " + name + " is taken. Choose another one."}
	}
	return name, nil
}

// invisible finds what lets two names look alike, or a name mislead in a list:
// control characters, joiners, changes of direction, other kinds of space.
func invisible(r rune) bool { return !unicode.IsPrint(r) }

func invalid(message string) error { return &Error{Code: CodeInvalid, Message: message} }
