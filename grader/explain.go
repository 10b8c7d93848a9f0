package grader

import (
	"context"
	"maps"
	"strings"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// explainer finds out why one expression is not true, on what a check looks at.
// It has a cost limit of its own: the verdict is there already.
type explainer struct {
	ctx        context.Context
	check      *check
	expression *expression
	seen       sight
	budget     int64
}

func (c *check) explainer(ctx context.Context, e *expression, seen sight) *explainer {
	return &explainer{ctx: ctx, check: c, expression: e, seen: seen, budget: checkCost}
}

// explain adds to a result what was wanted, what was found and of which object,
// and what the student most likely did. What cannot be told stays empty; nothing
// that goes wrong here changes the verdict. Where the student is to find out what is
// wrong, nothing is added.
func (c *check) explain(ctx context.Context, view *view, e *expression, seen sight, missing *gap, result *Result) {
	if c.diagnose {
		return
	}
	a := c.explainer(ctx, e, seen).account(missing)
	if !a.negated || result.Reason != ReasonPending { // what is not begun is to change, the message says to what
		result.Wanted = a.wanted
	}
	result.Found = clip(strings.Join(a.found, ", "), valueSize)
	if !a.empty() && a.origin != nil {
		result.Object = a.origin.what()
	}
	result.Hint = clip(c.hint(view, seen, a), messageSize)
}

func (x *explainer) account(missing *gap) (told account) {
	defer func() {
		if recover() != nil {
			told = account{}
		}
		if missing != nil && len(told.found) == 0 {
			told.found, told.origin = []string{missing.words()}, &missing.of
		}
	}()
	told = x.walk(x.expression.ast.Expr(), nil, true)
	if told.origin != nil && told.origin.variable == nil && told.origin.path[0] == "exitCode" {
		told.nameExitCode()
	}
	return told
}

// eval evaluates a part of the expression, inside the loops that in is of.
func (x *explainer) eval(of celast.Expr, in *frame) (ref.Val, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	part, err := x.expression.part(of)
	if err != nil {
		return nil, err
	}
	variables := x.seen.values
	if in != nil {
		variables = maps.Clone(variables)
	}
	bound := map[string]bool{}
	for f := in; f != nil; f = f.outer {
		if !bound[f.name] && f.value != nil {
			variables[f.name] = f.value
		}
		bound[f.name] = true
	}
	return part.evaluate(x.ctx, variables, &x.budget)
}

// is tells whether a part has this answer. One that has none has it not.
func (x *explainer) is(answer bool, of celast.Expr, in *frame) bool {
	value, err := x.eval(of, in)
	return err == nil && value == types.Bool(answer)
}

// found evaluates what is looked at and puts it into words. The values are none
// where there is nothing, or where it is a Secret's. It is not ok where an
// evaluation fails for another reason than that something is missing.
func (x *explainer) found(of celast.Expr, in *frame) (words string, have []ref.Val, ok bool) {
	value, err := x.eval(of, in)
	switch {
	case err != nil && isMissing(err):
		if missing := x.blame(of, in); missing != nil {
			return missing.words(), nil, true
		}
		return "", nil, false
	case err != nil && in.unbound():
		return nothing, nil, true
	case err != nil:
		return "", nil, false
	case x.absent(of, in):
		return nothing, nil, true
	case x.hides(of, in):
		return hidden, nil, true
	}
	return wordsOf(value), []ref.Val{value}, true
}

// absent tells whether a value is what the author put in place of one that is
// missing, as in spec.?replicas.orValue(1).
func (x *explainer) absent(of celast.Expr, in *frame) bool {
	for of.Kind() == celast.CallKind {
		operands := operandsOf(of.AsCall())
		if len(operands) == 0 {
			return false
		}
		if name := of.AsCall().FunctionName(); name == "orValue" || name == "or" {
			if value, err := x.eval(operands[0], in); err == nil {
				none, ok := value.(*types.Optional)
				return ok && !none.HasValue() && (name == "orValue" || !x.hasValue(operands[1], in))
			}
			return false
		}
		if len(operands) > 1 && x.originOf(operands[1], in) != nil {
			return false // of two parts, one missing is not all
		}
		of = operands[0]
	}
	return false
}

func (x *explainer) hasValue(of celast.Expr, in *frame) bool {
	value, err := x.eval(of, in)
	optional, ok := value.(*types.Optional)
	return err == nil && ok && optional.HasValue()
}
