package content

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// prompt is what a line may begin with that is a command for the terminal.
const prompt = "$ "

// shellPart is a piece of a block of commands: some that run together, or what
// they print.
type shellPart struct {
	lines  []string // without prompts
	line   int      // its first, counted from the block's, which is 0
	output bool
}

func (p *shellPart) text() string { return strings.Join(p.lines, "\n") }

// shellParts takes a block of commands apart. In one that begins with a prompt,
// and in those of sessionLanguages, the lines after a prompt are commands and the
// others are what they print. All lines of other blocks are commands.
func shellParts(language string, lines []string) []shellPart {
	if session(language, lines) {
		return sessionParts(lines)
	}
	all, _ := plainCommands(lines)
	return []shellPart{{lines: all}}
}

func session(language string, lines []string) bool {
	first := slices.IndexFunc(lines, func(line string) bool { return strings.TrimSpace(line) != "" })
	return slices.Contains(sessionLanguages, language) || first >= 0 && strings.HasPrefix(lines[first], prompt)
}

// plainCommands takes prompts off commands, and counts them.
func plainCommands(lines []string) (commands []string, prompts int) {
	var before unfinished
	for _, line := range lines {
		if strings.HasPrefix(line, prompt) && !before.text() {
			line = strings.TrimPrefix(line, prompt)
			prompts++
		}
		before.add(line)
		commands = append(commands, line)
	}
	return commands, prompts
}

// mixed reports whether a block that is no session has commands both with and
// without a prompt. A comment needs none.
func mixed(language string, lines []string) bool {
	if session(language, lines) {
		return false
	}
	commands, prompts := plainCommands(lines)
	plain := slices.DeleteFunc(commands, func(line string) bool { return !isCommand(line) })
	return prompts > 0 && prompts < len(plain)
}

// sessionParts tells the commands of a session from what they print. A command
// goes on in the next line for as long as the shell would wait for more; that line
// may begin with the shell's second prompt, "> ".
func sessionParts(lines []string) []shellPart {
	var parts []shellPart
	add := func(at int, line string, output bool) {
		if len(parts) == 0 || parts[len(parts)-1].output != output {
			if strings.TrimSpace(line) == "" {
				return
			}
			parts = append(parts, shellPart{line: at, output: output})
		}
		last := &parts[len(parts)-1]
		last.lines = append(last.lines, line)
	}
	var command unfinished
	var second bool // the lines of this command begin with "> "
	for i, line := range lines {
		goesOn := command.waits()
		switch {
		case goesOn:
			if len(command.lines) == 1 {
				second = strings.HasPrefix(line, ">")
			}
			if second {
				line = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
			} else if !command.text() {
				line = strings.TrimPrefix(line, prompt)
			}
		case strings.HasPrefix(line, prompt):
			command = unfinished{}
			line = strings.TrimPrefix(line, prompt)
		default:
			add(i, line, len(parts) > 0 && parts[len(parts)-1].output || strings.TrimSpace(line) != "")
			continue
		}
		command.add(line)
		add(i, line, false)
	}
	for i := range parts {
		for blank(parts[i].lines[len(parts[i].lines)-1:]) {
			parts[i].lines = parts[i].lines[:len(parts[i].lines)-1]
		}
	}
	return parts
}

// sizes says of how many lines each command of a block is, "1 3 1", so that the page
// can run one after the other; "" where there is one only. Comments and blank lines
// belong to the command that follows, or at the end to the last.
func sizes(lines []string) string {
	var sizes []string
	var command unfinished
	size, whole := 0, false // of the command that is being read; one has been read
	for i, line := range lines {
		if !command.text() && isCommand(line) {
			whole = true
		}
		size++
		command.add(line)
		rest := lines[i+1:]
		if command.waits() || !whole || !slices.ContainsFunc(rest, isCommand) {
			continue
		}
		sizes = append(sizes, strconv.Itoa(size))
		command, size, whole = unfinished{}, 0, false
	}
	if len(sizes) == 0 {
		return ""
	}
	return strings.Join(append(sizes, strconv.Itoa(size)), " ")
}

func blank(lines []string) bool {
	return !slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) != "" })
}

// unfinished holds the lines since the last command that was whole.
type unfinished struct {
	lines []string
	size  int
}

// maxUnfinished is how many bytes of a command are looked at, because each line is
// read with all that stands before it.
const maxUnfinished = 16 << 10

func (u *unfinished) add(line string) {
	u.lines = append(u.lines, line)
	u.size += len(line) + 1
}

// text reports whether the next line is text of a command, not a command: it
// stands in a here-document or between quotes.
func (u *unfinished) text() bool {
	var wrong syntax.ParseError
	return errors.As(u.parse(), &wrong) && (openDocument(wrong) || wrong.Incomplete && strings.Contains(wrong.Text, "without closing quote"))
}

// openDocument reports whether a here-document has no end. The parser calls only
// some of them incomplete.
func openDocument(wrong syntax.ParseError) bool {
	return strings.HasPrefix(wrong.Text, "unclosed here-document")
}

// waits reports whether the shell would wait for another line.
func (u *unfinished) waits() bool { return incomplete(u.parse()) || u.continued() }

func incomplete(err error) bool {
	var wrong syntax.ParseError
	return errors.As(err, &wrong) && (wrong.Incomplete || openDocument(wrong))
}

// continued reports whether the last line ends in a backslash that joins it with
// the next.
func (u *unfinished) continued() bool {
	if len(u.lines) == 0 {
		return false
	}
	last := u.lines[len(u.lines)-1]
	return (len(last)-len(strings.TrimRight(last, `\`)))%2 == 1
}

// parse reads the lines as bash does. Whole commands are forgotten, and so is what
// no further line can mend.
func (u *unfinished) parse() error {
	var err error
	if u.size <= maxUnfinished {
		_, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(strings.Join(u.lines, "\n")+"\n"), "")
	}
	if !incomplete(err) && !u.continued() {
		*u = unfinished{}
	}
	return err
}
