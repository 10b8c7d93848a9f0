package content

import (
	"regexp"
	"slices"
	"strings"
)

// AnswerSize is how many bytes an answer may have.
const AnswerSize = 1024

// Answer asks the student something; the check's title is the question. With
// Options they choose one of them, without they type. An answer is right when it
// is one of Accept, apart from white space around and within it and from large and
// small letters, or when Match matches the whole of it. Of Options, the right ones
// are those that Accept lists.
type Answer struct {
	Options []string
	Accept  []string
	Match   string // a regular expression (RE2); none where empty
	Message string // what a student is told whose answer is wrong

	match *regexp.Regexp
}

// What the student is asked by the check's title.
type answerSpec struct {
	Options []string `yaml:"options"`                                   // what to choose from; without them the answer is typed
	Accept  []string `yaml:"accept"`                                    // the right answers, apart from white space and from large and small letters
	Match   string   `yaml:"match"`                                     // a regular expression (RE2) that a right answer matches as a whole
	Message string   `yaml:"message" jsonschema:"required,minLength=1"` // what the student reads whose answer is wrong
}

// Right tells whether an answer is a right one.
func (a *Answer) Right(answer string) bool {
	if a.match != nil && a.match.MatchString(strings.TrimSpace(answer)) {
		return true
	}
	return slices.ContainsFunc(a.Accept, func(right string) bool { return folded(right) == folded(answer) })
}

// Offers tells whether an answer can be given at all: where there are options, it
// has to be one of them.
func (a *Answer) Offers(answer string) bool {
	return len(a.Options) == 0 || slices.Contains(a.Options, answer)
}

// folded is a text without what does not matter in an answer.
func folded(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

func (d *document) answer(here fieldAt, spec *answerSpec) *Answer {
	answer := &Answer{Options: spec.Options, Accept: spec.Accept, Match: spec.Match, Message: strings.TrimSpace(spec.Message)}
	d.required(here("message"), answer.Message)
	if len(spec.Accept) == 0 && spec.Match == "" {
		d.addf(here(), "an answer needs accept, a list of right answers, or match, a regular expression")
	}
	if len(spec.Options) == 1 {
		d.addf(here("options"), "one option is no choice")
	}
	if len(spec.Options) > 0 && spec.Match != "" {
		d.addf(here("match"), "of options, accept lists the right ones; match is for what is typed")
	}
	for i, option := range spec.Options {
		if slices.ContainsFunc(spec.Options[:i], func(other string) bool { return folded(other) == folded(option) }) {
			d.addf(here("options", i), "there is an option %s already", quote(option))
		}
	}
	for i, right := range spec.Accept {
		if folded(right) == "" || len(right) > AnswerSize {
			d.addf(here("accept", i), "a right answer has 1 to %d bytes", AnswerSize)
		}
		if len(spec.Options) > 0 && !slices.Contains(spec.Options, right) {
			d.addf(here("accept", i), "%s is none of the options", quote(right))
		}
	}
	if len(spec.Options) > 1 && len(spec.Accept) == len(spec.Options) {
		d.addf(here("accept"), "every option is right")
	}
	if spec.Match != "" {
		if _, err := regexp.Compile(spec.Match); err != nil {
			d.addf(here("match"), "match is no regular expression: %v", err)
			return answer
		}
		answer.match = regexp.MustCompile(`^(?:` + spec.Match + `)$`)
	}
	return answer
}

// Given is an answer that a script of an author gives, in a line of its own:
//
//	# answer CHECK: text
type Given struct {
	Check string
	Text  string
	Line  int // in the script, from 1 on
}

var givenLine = regexp.MustCompile(`^#\s*answer\s+(\S+):\s*(.*?)\s*$`)

// Answers lists the answers that a script gives. They count once its commands
// have run.
func Answers(script string) []Given {
	var given []Given
	var before unfinished
	for i, line := range strings.Split(script, "\n") {
		if found := givenLine.FindStringSubmatch(line); found != nil && !before.text() {
			given = append(given, Given{Check: found[1], Text: found[2], Line: i + 1})
		}
		before.add(line)
	}
	return given
}

// matchAnswers checks that a step's part of a script answers what it is asked. A
// solution has to answer all of it, and rightly.
func (l *loader) matchAnswers(file string, line int, step *Step, text string, solution bool) {
	given := Answers(text)
	for _, answer := range given {
		check, known := step.Check(answer.Check)
		switch {
		case !known || check.Answer == nil:
			l.addf(file, line+answer.Line, "the step %s has no question %s", step.Name, quote(answer.Check))
		case solution && !(check.Answer.Offers(answer.Text) && check.Answer.Right(answer.Text)):
			l.addf(file, line+answer.Line, "%s is no right answer to %s", quote(answer.Text), answer.Check)
		}
	}
	if !solution {
		return
	}
	for _, check := range step.Checks {
		if check.Answer != nil && !slices.ContainsFunc(given, func(g Given) bool { return g.Check == check.Name }) {
			l.addf(file, line, `does not answer the question %s: write "# answer %s: …"`, check.Name, check.Name)
		}
	}
}
