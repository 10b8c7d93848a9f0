package content

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// The languages of code blocks whose commands a student can run. The terminal's
// shell is bash, so a block in the language of another shell has no Run button.
var (
	commandLanguages = []string{"bash", "sh", "shell"}
	sessionLanguages = []string{"console", "shell-session", "shellsession", "bash-session", "sh-session"}
	otherShells      = []string{"ash", "bat", "batch", "cli", "cmd", "command", "commands", "csh", "dash", "dosbatch", "fish", "kubectl",
		"ksh", "powershell", "ps1", "pwsh", "shell-script", "shellscript", "tcsh", "terminal", "zsh"}
)

// fenceWord is the language in what stands behind a fence: the first word, or in
// pandoc's form {#name .language} the first class.
var fenceWord = regexp.MustCompile(`^(?:\{(?:[^}.]*?\s)??\.?)?([A-Za-z0-9][A-Za-z0-9_+#-]*)`)

// languageOf returns the language of a fenced block in small letters, or "" where
// it has none.
func languageOf(block *ast.FencedCodeBlock, source []byte) string {
	if block.Info == nil {
		return ""
	}
	word := fenceWord.FindSubmatch(block.Info.Segment.Value(source))
	if word == nil {
		return ""
	}
	return strings.ToLower(string(word[1]))
}

// runnable reports whether a student can run a block's commands.
func runnable(language string) bool {
	return slices.Contains(commandLanguages, language) || slices.Contains(sessionLanguages, language)
}

// checkFence reports a block whose Run button would type nothing or the wrong thing, and
// warns of one that has none.
func (p *markdownPage) checkFence(block *ast.FencedCodeBlock) {
	language := languageOf(block, p.source)
	switch {
	case language == "":
		p.warnf(block, "a code block says what it holds: ```bash for commands to run, ```yaml and the like to copy, ```text for what is printed")
	case slices.Contains(otherShells, language):
		p.warnf(block, "a block of "+quote(language)+" has no Run button: write ```bash for commands to run, which the terminal's shell has to understand, ```console for commands after \"$ \" with what they print, ```text for what is only read")
	case !runnable(language):
	case blank(p.codeLines(block)):
		p.addf(block, "the block of commands is empty")
	case !slices.ContainsFunc(shellParts(language, p.codeLines(block)), func(part shellPart) bool { return !part.output }):
		p.addf(block, "in a block of "+quote(language)+", commands begin with \"$ \" and this one has none: write ```bash for commands without it, ```text for what is printed")
	case mixed(language, p.codeLines(block)):
		p.addf(block, "some commands of the block begin with \"$ \" and others do not: leave it out, or write ```console, where lines without it are what is printed")
	}
}
