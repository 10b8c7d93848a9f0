package content_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wheelhouse/content"
)

// TestEmbedded loads the courses that come with the program. Whether their checks
// compile is tested where they are judged.
func TestEmbedded(t *testing.T) {
	course, err := content.Load(content.Embedded(), "kubernetes")
	for _, problem := range content.Problems(err) {
		t.Error(problem)
	}
	if err != nil {
		return
	}
	for _, lab := range course.Labs() {
		for _, step := range lab.Steps {
			if len(step.Hints) == 0 {
				t.Errorf("%s: the step %s has no hint", lab.Dir, step.Name)
			}
		}
	}
}

// TestMessagesAreSentences reads what the courses' checks tell students: it begins
// with a capital letter, or with a number, and ends with a full stop. Of a message
// that is computed, the first and the last word tell.
func TestMessagesAreSentences(t *testing.T) {
	course, err := content.Load(content.Embedded(), "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`^[A-Z0-9].*\.$`)
	expression := regexp.MustCompile(`(?s)^('[A-Z0-9]|string\().*\.'$`)
	count := 0
	for _, lab := range course.Labs() {
		for _, step := range lab.Steps {
			for _, check := range step.Checks {
				for _, v := range check.Validations {
					count++
					if v.Message != "" && !text.MatchString(v.Message) || v.MessageExpression != "" && !expression.MatchString(v.MessageExpression) {
						t.Errorf("%s/lab.yaml:%d: no sentence: %s%s", lab.Dir, v.Line, v.Message, v.MessageExpression)
					}
				}
			}
		}
	}
	if count == 0 {
		t.Error("the courses have no validations")
	}
}

// TestForgeries: where a check asks for what somebody could pretend, the lab has a
// wrong answer that does.
func TestForgeries(t *testing.T) {
	course, err := content.Load(content.Embedded(), "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	for _, lab := range course.Labs() {
		trusts := ""
		for _, step := range lab.Steps {
			for _, check := range step.Checks {
				if what := trusted(check); what != "" {
					trusts = fmt.Sprintf("the check %s of step %s asks for %s", check.Name, step.Name, what)
				}
			}
		}
		forged := func(w content.WrongAnswer) bool { return strings.HasPrefix(w.Name, "forged-") }
		if trusts != "" && !slices.ContainsFunc(lab.Wrong, forged) {
			t.Errorf("%s: %s, and no wrong answer is called forged-…", lab.Dir, trusts)
		}
	}
}

var status = regexp.MustCompile(`[.][?]?status\b|\['status'\]`)

// trusted says what a check rests on that somebody could pretend; empty where it is
// nothing of that.
func trusted(check content.Check) string {
	switch {
	case check.Exec != nil || check.Script != nil || check.Workstation != nil && check.Workstation.Command != nil:
		return "a command's output"
	case check.Logs != nil:
		return "a log"
	case check.HTTP != nil || check.DNS != nil:
		return "an answer over the network"
	case check.During != nil && status.MatchString(check.During.From+check.During.Until):
		return "a status"
	}
	if slices.ContainsFunc(check.Validations, func(v content.Validation) bool { return status.MatchString(v.Expression) }) {
		return "a status"
	}
	return ""
}
