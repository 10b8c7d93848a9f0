package grader

import (
	"slices"

	"github.com/google/cel-go/common/types/ref"
)

// account is what can be told of a validation that is not true. The zero account
// tells nothing, which is better than a guess.
type account struct {
	wanted string
	found  []string // one, or one of each element that was looked at
	origin *origin  // of what was found; nil where it is of no object

	negated  bool      // wanted is anything but something
	progress int       // how many conditions that have to hold together do, up to this one
	want     ref.Val   // the value behind wanted, where all has to be equal to it
	have     []ref.Val // the values behind found; none where they are a Secret's
	label    string    // the key of a map that was asked for
}

func (a account) empty() bool { return a.wanted == "" && len(a.found) == 0 }

// nameExitCode says that a number is a command's exit code, because nothing else
// of the account does.
func (a *account) nameExitCode() {
	for i, found := range a.found {
		a.found[i] = "exit code " + found
	}
	if a.wanted != "" {
		a.wanted = "exit code " + a.wanted
	}
}

// add adds what was found in another element.
func (a *account) add(other account) {
	for _, found := range other.found {
		if !slices.Contains(a.found, found) {
			a.found = append(a.found, found)
		}
	}
	a.have = append(a.have, other.have...)
	if a.origin != nil && other.origin != nil && a.origin.object != other.origin.object {
		a.origin = &origin{variable: a.origin.variable, path: a.origin.path}
	}
}
