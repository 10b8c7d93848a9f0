package content

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	partHeader = regexp.MustCompile(`^#\s*step:\s*(\S.*?)?\s*$`)
	// headerLine is a comment of the form "# key: value".
	headerLine = regexp.MustCompile(`^#\s*([A-Za-z]+):\s*(.*?)\s*$`)
)

// scriptPart is one piece of solve.sh with the place where it begins.
type scriptPart struct {
	Part
	line int
}

// solution cuts solve.sh at its "# step: name" lines.
func (l *loader) solution(file string) []scriptPart {
	text, ok := l.text(file)
	if !ok {
		return nil
	}
	var parts []scriptPart
	var before unfinished
	for i, line := range strings.Split(text, "\n") {
		if header := partHeader.FindStringSubmatch(line); header != nil && !before.text() {
			before = unfinished{}
			parts = append(parts, scriptPart{Part: Part{Step: header[1]}, line: i + 1})
			continue
		}
		before.add(line)
		if len(parts) > 0 {
			parts[len(parts)-1].Text += line + "\n"
		} else if isCommand(line) {
			l.addf(file, i+1, `stands before the first "# step: name", so it belongs to no step`)
		}
	}
	for i := range parts {
		text := strings.TrimLeft(parts[i].Text, "\n")
		parts[i].Line = parts[i].line + 1 + len(parts[i].Text) - len(text)
		parts[i].Text = strings.TrimRight(text, "\n") + "\n"
	}
	return parts
}

func isCommand(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.HasPrefix(line, "#")
}

// holdsWork tells whether a script does anything: types a command or answers.
func holdsWork(text string) bool {
	return len(Answers(text)) > 0 || slices.ContainsFunc(strings.Split(text, "\n"), isCommand)
}

// matchSolution checks that solve.sh has one part a step, in their order.
func (l *loader) matchSolution(lab *Lab, file string, parts []scriptPart) {
	for i, part := range parts {
		step, known := lab.Step(part.Step)
		earlier := slices.IndexFunc(parts[:i], func(other scriptPart) bool { return other.Step == part.Step })
		switch {
		case !known:
			l.addf(file, part.line, "there is no step %s", quote(part.Step))
		case earlier >= 0:
			l.addf(file, part.line, "the step %s has a part already, in line %d", part.Step, parts[earlier].line)
		case !holdsWork(part.Text):
			l.addf(file, part.line, "the part of the step %s holds no command", part.Step)
		}
		if known {
			l.matchAnswers(file, part.line, step, part.Text, true)
		}
		lab.Solution = append(lab.Solution, part.Part)
	}
	if !l.isFile(file) {
		return
	}
	next := 0
	for _, step := range lab.Steps {
		at := slices.IndexFunc(parts, func(p scriptPart) bool { return p.Step == step.Name })
		switch {
		case at < 0:
			l.addf(file, 0, `has no part for the step %s: write "# step: %s"`, step.Name, step.Name)
		case at < next:
			l.addf(file, parts[at].line, "the part of the step %s stands before that of an earlier step", step.Name)
		default:
			next = at
		}
	}
}

// answerFile is a script that answers a step, wrongly or rightly, with a header of
// comment lines "# key: value".
type answerFile struct {
	name   string // its file's, without ".sh"
	file   string
	text   string
	fields map[string]string // of the header
	lines  map[string]int    // where they stand
}

// answers reads the scripts of a folder. Their headers have the fields required and
// may have "after".
func (l *loader) answers(dir, rule string, required ...string) []answerFile {
	l.only(dir, rule, func(name string, isFolder bool) bool { return !isFolder && strings.HasSuffix(name, ".sh") })
	var all []answerFile
	for _, name := range l.children[dir] {
		file := path.Join(dir, name)
		if !l.isFile(file) || !strings.HasSuffix(name, ".sh") {
			continue
		}
		text, ok := l.text(file)
		if !ok {
			continue
		}
		answer := answerFile{name: strings.TrimSuffix(name, ".sh"), file: file, text: text, fields: map[string]string{}, lines: map[string]int{}}
		l.header(&answer, required)
		if !holdsWork(text) {
			l.addf(file, 0, "holds no command, so it is no answer; write : for one that does nothing")
		}
		all = append(all, answer)
	}
	return all
}

// header reads the comment lines at the top of an answer.
func (l *loader) header(answer *answerFile, required []string) {
	for i, line := range strings.Split(answer.text, "\n") {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			break
		}
		header := headerLine.FindStringSubmatch(line)
		if header == nil {
			continue
		}
		key := strings.ToLower(header[1])
		switch {
		case key != "after" && !slices.Contains(required, key):
			l.addf(answer.file, i+1, "there is no header field %s; the fields are %s and after", quote(header[1]), strings.Join(required, ", "))
		case answer.fields[key] != "":
			l.addf(answer.file, i+1, "the header field %s is given twice", key)
		default:
			answer.fields[key], answer.lines[key] = header[2], i+1
		}
	}
	for _, key := range required {
		if answer.fields[key] == "" {
			l.addf(answer.file, 1, `the header has no "# %s: …"`, key)
		}
	}
}

// matchAnswerFile checks that an answer names steps of the lab, and its answers to
// questions those of its step.
func (l *loader) matchAnswerFile(lab *Lab, answer answerFile) (step *Step, found bool) {
	step, found = lab.Step(answer.fields["step"])
	if answer.fields["step"] != "" && !found {
		l.addf(answer.file, answer.lines["step"], "there is no step %s", quote(answer.fields["step"]))
	}
	if found {
		l.matchAnswers(answer.file, 0, step, answer.text, false)
	}
	if after := answer.fields["after"]; after != "" {
		if _, known := lab.Step(after); !known {
			l.addf(answer.file, answer.lines["after"], "there is no step %s to come after", quote(after))
		}
	}
	return step, found
}

// wrong reads the wrong answers: at least two, because a lab that was never seen
// to refuse anything has not been tested.
func (l *loader) wrong(dir string) []answerFile {
	all := l.answers(dir, "wrong holds one script (.sh) a wrong answer", "step", "check", "message")
	if len(all) < 2 {
		l.addf(dir, 0, "a lab has at least two wrong answers; write what students will get wrong")
	}
	return all
}

// matchWrong gives a lab its wrong answers. Each names a step and a check of it.
func (l *loader) matchWrong(lab *Lab, answers []answerFile) {
	for _, answer := range answers {
		wrong := WrongAnswer{Name: answer.name, After: answer.fields["after"], Step: answer.fields["step"],
			Check: answer.fields["check"], Message: answer.fields["message"], Text: answer.text}
		step, found := l.matchAnswerFile(lab, answer)
		if found && wrong.Check != "" {
			if _, known := step.Check(wrong.Check); !known {
				l.addf(answer.file, answer.lines["check"], "the step %s has no check %s", wrong.Step, quote(wrong.Check))
			}
		}
		lab.Wrong = append(lab.Wrong, wrong)
	}
}

// right reads the right answers beside the solution; a lab may have none.
func (l *loader) right(dir string) []answerFile {
	return l.answers(dir, "right holds one script (.sh) a right answer", "step")
}

// matchRight gives a lab its right answers. Each names a step of it.
func (l *loader) matchRight(lab *Lab, answers []answerFile) {
	for _, answer := range answers {
		l.matchAnswerFile(lab, answer)
		lab.Right = append(lab.Right, RightAnswer{Name: answer.name, After: answer.fields["after"], Step: answer.fields["step"], Text: answer.text})
	}
}
