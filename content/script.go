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
	for i, line := range strings.Split(text, "\n") {
		if header := partHeader.FindStringSubmatch(line); header != nil {
			parts = append(parts, scriptPart{Part: Part{Step: header[1]}, line: i + 1})
			continue
		}
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

// wrongFile is a wrong answer with the lines of its header.
type wrongFile struct {
	WrongAnswer
	file  string
	lines map[string]int
}

// wrong reads the wrong answers: at least two, because a lab that was never seen
// to refuse anything has not been tested.
func (l *loader) wrong(dir string) []wrongFile {
	l.only(dir, "wrong holds one script (.sh) a wrong answer", func(name string, isFolder bool) bool {
		return !isFolder && strings.HasSuffix(name, ".sh")
	})
	var all []wrongFile
	for _, name := range l.children[dir] {
		file := path.Join(dir, name)
		if !l.isFile(file) || !strings.HasSuffix(name, ".sh") {
			continue
		}
		text, ok := l.text(file)
		if !ok {
			continue
		}
		answer := wrongFile{file: file, lines: map[string]int{}}
		answer.Name, answer.Text = strings.TrimSuffix(name, ".sh"), text
		l.header(&answer)
		if !holdsWork(text) {
			l.addf(file, 0, "holds no command, so it is no answer; write : for one that does nothing")
		}
		all = append(all, answer)
	}
	if len(all) < 2 {
		l.addf(dir, 0, "a lab has at least two wrong answers; write what students will get wrong")
	}
	return all
}

// header reads the comment lines at the top of a wrong answer.
func (l *loader) header(answer *wrongFile) {
	fields := map[string]*string{"after": &answer.After, "step": &answer.Step, "check": &answer.Check, "message": &answer.Message}
	for i, line := range strings.Split(answer.Text, "\n") {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			break
		}
		header := headerLine.FindStringSubmatch(line)
		if header == nil {
			continue
		}
		key := strings.ToLower(header[1])
		value, known := fields[key]
		switch {
		case !known:
			l.addf(answer.file, i+1, "there is no header field %s; the fields are step, check, message and after", quote(header[1]))
		case *value != "":
			l.addf(answer.file, i+1, "the header field %s is given twice", key)
		default:
			*value, answer.lines[key] = header[2], i+1
		}
	}
	for _, key := range []string{"step", "check", "message"} {
		if *fields[key] == "" {
			l.addf(answer.file, 1, `the header has no "# %s: …"`, key)
		}
	}
}

// matchWrong checks that every wrong answer names a step and a check of the lab.
func (l *loader) matchWrong(lab *Lab, answers []wrongFile) {
	for _, answer := range answers {
		step, found := lab.Step(answer.Step)
		if answer.Step != "" && !found {
			l.addf(answer.file, answer.lines["step"], "there is no step %s", quote(answer.Step))
		}
		if found && answer.Check != "" {
			if _, known := step.Check(answer.Check); !known {
				l.addf(answer.file, answer.lines["check"], "the step %s has no check %s", answer.Step, quote(answer.Check))
			}
		}
		if found {
			l.matchAnswers(answer.file, 0, step, answer.Text, false)
		}
		if answer.After != "" {
			if _, known := lab.Step(answer.After); !known {
				l.addf(answer.file, answer.lines["after"], "there is no step %s to come after", quote(answer.After))
			}
		}
		lab.Wrong = append(lab.Wrong, answer.WrongAnswer)
	}
}
