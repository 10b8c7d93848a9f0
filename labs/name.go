package labs

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const maxName = 64 // characters

// learnerName is the name of the one user of "wheelhouse learn". Nobody else can
// take it, since its links log in without a password.
const learnerName = "learner"

// NameKey returns what two names share that count as the same: neither case nor
// the way in which a character is encoded tells people apart, nor a joiner, which some
// keyboards do not have.
func NameKey(name string) string {
	return cases.Fold().String(norm.NFKC.String(strings.Map(withoutJoiners, strings.TrimSpace(name))))
}

// LookAlike tells whether two names look the same and are not, because they are
// written in different scripts: a Latin "Ada" and a Cyrillic one. What looks similar in
// one script ("Marna" and "Mama") are names of two people.
func LookAlike(one, other string) bool {
	if NameKey(one) == NameKey(other) {
		return false // they are the same
	}
	// A capital may look like another one of which the small letter does not.
	lower, upper := confusables.Confusable(NameKey(one), NameKey(other)), confusables.Confusable(strings.ToUpper(one), strings.ToUpper(other))
	if !lower && !upper && !confusables.Confusable(one, other) {
		return false
	}
	scripts := scriptsOf(one)
	return len(scripts) > 1 || !slices.Equal(scripts, scriptsOf(other))
}

// scriptsOf returns the scripts of a name's letters, sorted.
func scriptsOf(name string) []string {
	var found []string
	for _, r := range name {
		if !unicode.IsLetter(r) {
			continue
		}
		for script, table := range unicode.Scripts {
			if unicode.Is(table, r) {
				found = append(found, script)
				break // a letter is of one script
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// cleanName returns name as it is stored: without space around it, and with one kind
// of space in it.
func cleanName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", invalid("The name has to be text in UTF-8.")
	}
	name = norm.NFC.String(strings.TrimSpace(strings.Map(plainSpace, name)))
	switch {
	case name == "":
		return "", invalid("Give a name.")
	case utf8.RuneCountInString(name) > maxName:
		return "", invalid("The name may have at most 64 characters.")
	case strings.ContainsFunc(strings.Map(withoutJoiners, name), invisible) || looseJoiner(name):
		return "", invalid("The name may hold only letters, digits, signs and spaces, no invisible characters.")
	case NameKey(name) == learnerName:
		return "", &Error{Code: CodeConflict, Message: "The name " + name + " is taken. Choose another one."}
	}
	return name, nil
}

// invisible finds what lets a name mislead in a list: control characters, changes of
// direction, spaces of no width.
func invisible(r rune) bool { return !unicode.IsPrint(r) }

// plainSpace maps the spaces that keyboards type beside the usual one to that: the
// ideographic space, the no-break space.
func plainSpace(r rune) rune {
	if unicode.Is(unicode.Zs, r) {
		return ' '
	}
	return r
}

// Joiners shape the letters beside them, in Persian, in the scripts of India and in
// emoji (Unicode Standard, section 23.2).
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

func isJoiner(r rune) bool { return r == zeroWidthJoiner || r == zeroWidthNonJoiner }

func withoutJoiners(r rune) rune {
	if isJoiner(r) {
		return -1
	}
	return r
}

// looseJoiner tells whether a name has a joiner that joins nothing: it stands at an
// end, beside a space or another joiner, or between letters that know none.
func looseJoiner(name string) bool {
	letters := []rune(name)
	joins := func(at int) bool {
		if at < 0 || at >= len(letters) {
			return false
		}
		r := letters[at]
		return unicode.IsMark(r) || unicode.IsSymbol(r) || unicode.IsLetter(r) && !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han)
	}
	for at, r := range letters {
		if isJoiner(r) && (!joins(at-1) || !joins(at+1)) {
			return true
		}
	}
	return false
}

func invalid(message string) error { return &Error{Code: CodeInvalid, Message: message} }
