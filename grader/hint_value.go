package grader

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// typeHint recognises a number that was given as text, and the reverse.
func typeHint(a account) string {
	if a.want == nil || len(a.have) != 1 {
		return ""
	}
	have := a.have[0]
	switch {
	case isNumber(a.want) && isText(have) && sameNumber(have, a.want):
		return fmt.Sprintf("%s is a text because of its quotes; write the number %s.", quoted(have), wordsOf(a.want))
	case isText(a.want) && isNumber(have) && sameNumber(a.want, have):
		return fmt.Sprintf("%s is a number; write it in quotes, as the text %s.", wordsOf(have), quoted(a.want))
	}
	return ""
}

func sameNumber(text, number ref.Val) bool {
	parsed, err := strconv.ParseFloat(strings.TrimSpace(string(text.(types.String))), 64)
	return err == nil && types.Double(parsed).Equal(number) == types.True
}

// slipHint recognises a text that differs from the wanted one in its case, in
// white space around it, or by a slip.
func slipHint(a account) string {
	want, ok := a.want.(types.String)
	if !ok || want == "" || a.origin == nil || slices.Contains(a.origin.path, "status") {
		return "" // the cluster writes a status, not the student
	}
	for _, value := range a.have {
		have, ok := value.(types.String)
		if !ok || have == want || have == "" {
			continue
		}
		if hint := slip(string(want), string(have)); hint != "" {
			return hint
		}
	}
	return ""
}

func slip(want, have string) string {
	switch {
	case strings.TrimSpace(have) == strings.TrimSpace(want):
		return fmt.Sprintf("There is white space around %s that does not belong there.", textWords(strings.TrimSpace(have)))
	case strings.EqualFold(strings.TrimSpace(have), strings.TrimSpace(want)):
		return fmt.Sprintf("%s is written %s: capital letters count.", textWords(strings.TrimSpace(have)), textWords(want))
	case len(want) > 100 || len(have) > 100 || digits(want) != digits(have):
		return "" // another number is no slip
	case !similar(want, have) || strings.HasPrefix(have, want+"-") || strings.HasPrefix(want, have+"-"):
		return ""
	}
	return fmt.Sprintf("%s is written %s.", textWords(have), textWords(want))
}

// digits leaves out all but the digits.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
