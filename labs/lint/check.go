package lint

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"

	"wheelhouse/content"
	"wheelhouse/grader"
)

// check is a check with its expressions taken apart.
type check struct {
	step        *content.Step
	spec        *content.Check
	env         *cel.Env // nil where its variables cannot be declared
	validations []*expression
	whole       bool // every validation's expression could be read
}

// expression is a CEL expression with what is known of the values in it.
type expression struct {
	line   int
	ast    *cel.Ast
	shapes map[int64]shape // by the id of an expression
}

func (e *expression) root() ast.Expr { return e.ast.NativeRep().Expr() }

// read compiles a check's expressions, and reports the fields in them that no
// such kind has. An expression that does not compile is left to package grader.
func (l *linter) read(step *content.Step, spec *content.Check) *check {
	c := &check{step: step, spec: spec, whole: true}
	env, err := grader.Environment(spec)
	if err != nil {
		c.whole = false
		return c
	}
	c.env = env
	scope := l.scope(spec)
	for _, validation := range spec.Validations {
		if read := l.expression(c, scope, validation.Line, validation.Expression); read != nil {
			c.validations = append(c.validations, read)
		} else {
			c.whole = false
		}
		l.expression(c, scope, validation.Line, validation.MessageExpression)
	}
	return c
}

func (l *linter) expression(c *check, scope map[string]shape, line int, text string) *expression {
	if text == "" {
		return nil
	}
	compiled, issues := c.env.Compile(text)
	if issues.Err() != nil {
		return nil
	}
	if line == 0 {
		line = c.spec.Line
	}
	e := &expression{line: line, ast: compiled, shapes: map[int64]shape{}}
	i := &inference{expression: e, complain: func(format string, args ...any) { l.complain(c, line, format, args...) }}
	i.shape(e.root(), scope)
	return e
}

// complain notes a problem with one of the check's expressions.
func (l *linter) complain(c *check, line int, format string, args ...any) {
	l.addf(l.labFile(), line, "step %s, check %s: %s", c.step.Name, c.spec.Name, fmt.Sprintf(format, args...))
}

// scope says what the check's variables hold. A kind that is not one of
// Kubernetes' own is unknown; one that would be, were it not misspelt, is reported.
func (l *linter) scope(spec *content.Check) map[string]shape {
	scope := map[string]shape{}
	for name, object := range spec.Objects {
		known := shape{kind: object.Kind, api: apiType(object.APIVersion, object.Kind)}
		if known.api == nil && misspelt(object.APIVersion, object.Kind) {
			l.addf(l.labFile(), spec.Line, "the variable %s of the check %s: %s has no kind %s%s",
				name, spec.Name, object.APIVersion, object.Kind, didYouMean(object.Kind, kindsOf(object.APIVersion), ""))
		}
		if object.Name == "" {
			known = listOf(known)
		}
		scope[name] = known
	}
	return scope
}
