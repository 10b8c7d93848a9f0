package lint

import (
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// revealed reports messages that name what the students are to find: a text that the
// validation compares with, that the set-up has and that no instruction names.
func (l *linter) revealed(c *check, known string) {
	for _, v := range c.spec.Validations {
		if c.env == nil || v.Message == "" {
			continue
		}
		compiled, issues := c.env.Compile(v.Expression)
		if issues.Err() != nil {
			continue // package grader reports it
		}
		for _, word := range comparedTexts(compiled.NativeRep().Expr()) {
			if mentionsWord(v.Message, word) && mentionsWord(l.setup.whole, word) && !mentionsWord(known, word) {
				line := v.Line
				if line == 0 {
					line = c.spec.Line
				}
				l.complain(c, line, "its message names %s, which students are to find in what the set-up makes", word)
			}
		}
	}
}

// comparedTexts are the texts that an expression compares something with.
func comparedTexts(e ast.Expr) []string {
	var texts []string
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) {
		if part.Kind() != ast.CallKind {
			return
		}
		if name := part.AsCall().FunctionName(); name != operators.Equals && name != operators.NotEquals {
			return
		}
		for _, side := range part.AsCall().Args() {
			if side.Kind() != ast.LiteralKind {
				continue
			}
			if text, ok := side.AsLiteral().(types.String); ok && strings.TrimSpace(string(text)) != "" {
				texts = append(texts, strings.TrimSpace(string(text)))
			}
		}
	}))
	return texts
}
