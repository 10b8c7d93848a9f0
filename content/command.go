package content

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Command is what a student can click to run it in the terminal: a block of
// README.md, or a whole kubectl command in the text of README.md or of a hint.
type Command struct {
	File string // slash-separated, as in a Problem
	Line int    // where its first line stands
	Text string // for a shell; several lines for a block
}

// commands returns the commands of a text in their order. The line of each is
// counted from the text's first, which is 1.
func (p *markdownPage) commands() []Command {
	var found []Command
	p.walk(func(node ast.Node) {
		switch node := node.(type) {
		case *ast.FencedCodeBlock:
			language := languageOf(node, p.source)
			if !runnable(language) {
				return
			}
			for _, part := range shellParts(language, p.codeLines(node)) {
				if !part.output {
					found = append(found, Command{Line: p.line(node) + 1 + part.line, Text: part.text()})
				}
			}
		case *ast.CodeSpan:
			if code := spanText(p.source, node); wholeCommand(code) {
				found = append(found, Command{Line: p.line(node), Text: code})
			}
		}
	})
	return found
}

// spanText is what a code span holds, on one line.
func spanText(source []byte, span ast.Node) string {
	var code strings.Builder
	for child := span.FirstChild(); child != nil; child = child.NextSibling() {
		if text, ok := child.(*ast.Text); ok {
			code.WriteString(strings.ReplaceAll(string(text.Segment.Value(source)), "\n", " "))
		}
	}
	return code.String()
}
