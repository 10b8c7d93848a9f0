package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/parser"
)

// constants reports validations, and parts of them, that never change, because
// they look at nothing or compare something with itself.
func (l *linter) constants(c *check) {
	for _, v := range c.validations {
		if len(free(v.root(), nil)) == 0 {
			l.complain(c, v.line, "the expression looks at nothing of the cluster: %s", outcome(c.env, v.ast))
			continue
		}
		walk(v.root(), func(e ast.Expr) {
			if e.Kind() != ast.CallKind {
				return
			}
			args := e.AsCall().Args()
			switch name := e.AsCall().FunctionName(); name {
			case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
				for _, arg := range args {
					if arg.Kind() == ast.LiteralKind || isCall(arg) && len(free(arg, nil)) == 0 {
						l.complain(c, v.line, "the part %s of the expression looks at nothing of the cluster", v.source(arg))
					}
				}
			case operators.Equals, operators.NotEquals:
				if canonical(args[0]) == canonical(args[1]) && len(free(args[0], nil)) > 0 {
					l.complain(c, v.line, "the expression compares %s with itself", v.source(args[0]))
				}
			}
		})
	}
}

func isCall(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() != operators.NotStrictlyFalse
}

// outcome says what an expression without variables gives.
func outcome(env *cel.Env, compiled *cel.Ast) string {
	program, err := env.Program(compiled, cel.CostLimit(100_000))
	if err == nil {
		value, _, failed := program.Eval(map[string]any{})
		if err = failed; err == nil {
			switch value {
			case types.True:
				return "it is always true"
			case types.False:
				return "it can never be true"
			}
			return "it never gives true or false"
		}
	}
	return "it can never be evaluated: " + err.Error()
}

// wish is a value that an expression has to have, or must not have.
type wish struct {
	of, value string // canonical
	not       bool
	line      int
	words     string
}

// contradictions reports validations that cannot be true together, because they
// want two values of one thing, and alternatives of which one is always true.
func (l *linter) contradictions(c *check) {
	var wishes []wish
	for _, v := range c.validations {
		for _, part := range operands(v.root(), operators.LogicalAnd) {
			one, ok := v.wish(part)
			if !ok {
				continue
			}
			for _, other := range wishes {
				if other.of == one.of && (!one.not && !other.not && one.value != other.value || one.not != other.not && one.value == other.value) {
					l.complain(c, v.line, "the check can never pass: it wants %s, and %s%s", one.words, other.words, inLine(other.line, v.line))
				}
			}
			wishes = append(wishes, one)
		}
		walk(v.root(), func(e ast.Expr) { l.alternatives(c, v, e) })
	}
}

// alternatives reports "x != 1 || x != 2", which is true of every x.
func (l *linter) alternatives(c *check, v *expression, e ast.Expr) {
	var wishes []wish
	for _, part := range operands(e, operators.LogicalOr) {
		one, ok := v.wish(part)
		if !ok {
			continue
		}
		for _, other := range wishes {
			if other.of == one.of && (one.not && other.not && one.value != other.value || one.not != other.not && one.value == other.value) {
				l.complain(c, v.line, "%s, or %s: one of the two is always so", other.words, one.words)
			}
		}
		wishes = append(wishes, one)
	}
}

func inLine(line, here int) string {
	if line == here {
		return ""
	}
	return fmt.Sprintf(" in line %d", line)
}

// wish reads a comparison of something that can change with a literal.
func (e *expression) wish(part ast.Expr) (wish, bool) {
	if part.Kind() != ast.CallKind {
		return wish{}, false
	}
	name, args := part.AsCall().FunctionName(), part.AsCall().Args()
	if name != operators.Equals && name != operators.NotEquals {
		return wish{}, false
	}
	thing, value := args[0], args[1]
	if thing.Kind() == ast.LiteralKind {
		thing, value = value, thing
	}
	if value.Kind() != ast.LiteralKind || thing.Kind() == ast.LiteralKind {
		return wish{}, false
	}
	out := wish{of: canonical(thing), value: canonical(value), not: name == operators.NotEquals, line: e.line}
	out.words = e.source(thing) + " to be "
	if out.not {
		out.words += "other than "
	}
	out.words += e.source(value)
	return out, true
}

// operands are the parts that the operator joins, or the expression alone.
func operands(e ast.Expr, operator string) []ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operator {
		return []ast.Expr{e}
	}
	var parts []ast.Expr
	for _, arg := range e.AsCall().Args() {
		parts = append(parts, operands(arg, operator)...)
	}
	return parts
}

// source is the expression as it may be written, or "…" where a macro in it has
// been replaced by what it stands for.
func (e *expression) source(part ast.Expr) string {
	text, err := parser.Unparse(part, e.ast.NativeRep().SourceInfo())
	if err != nil || strings.Contains(text, "@") {
		return "…"
	}
	return text
}

// walk visits e and all that is in it.
func walk(e ast.Expr, visit func(ast.Expr)) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(visit))
}

// free returns the names that are used in e and not bound in it.
func free(e ast.Expr, bound []string) []string {
	var names []string
	add := func(more []string) { names = append(names, more...) }
	switch e.Kind() {
	case ast.IdentKind:
		if !slices.Contains(bound, e.AsIdent()) {
			add([]string{e.AsIdent()})
		}
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		inner := append(slices.Clone(bound), loop.IterVar(), loop.IterVar2(), loop.AccuVar())
		add(free(loop.IterRange(), bound))
		add(free(loop.AccuInit(), bound))
		for _, part := range []ast.Expr{loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
			add(free(part, inner))
		}
	default:
		for _, part := range children(e) {
			add(free(part, bound))
		}
	}
	return names
}

// children are the expressions directly in e.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			return append([]ast.Expr{e.AsCall().Target()}, e.AsCall().Args()...)
		}
		return e.AsCall().Args()
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var parts []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			parts = append(parts, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return parts
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		return []ast.Expr{loop.IterRange(), loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()}
	}
	return nil
}

// canonical is the same text for two expressions that mean the same by their form.
func canonical(e ast.Expr) string {
	head := ""
	switch e.Kind() {
	case ast.IdentKind:
		head = e.AsIdent()
	case ast.LiteralKind:
		head = literal(e.AsLiteral())
	case ast.SelectKind:
		head = fmt.Sprintf(".%s %v", e.AsSelect().FieldName(), e.AsSelect().IsTestOnly())
	case ast.CallKind:
		head = e.AsCall().FunctionName()
	case ast.ComprehensionKind:
		head = e.AsComprehension().IterVar() + " " + e.AsComprehension().IterVar2() + " " + e.AsComprehension().AccuVar()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "(%d %s", e.Kind(), head)
	for _, part := range children(e) {
		out.WriteString(canonical(part))
	}
	out.WriteString(")")
	return out.String()
}

// literal is the same text for values that are equal: CEL compares numbers of all
// types by what they count.
func literal(value ref.Val) string {
	if number := value.ConvertToType(types.DoubleType); value.Type() != types.StringType && !types.IsUnknownOrError(number) {
		return fmt.Sprint("number ", number.Value())
	}
	return fmt.Sprintf("%s %q", value.Type().TypeName(), fmt.Sprint(value.Value()))
}
