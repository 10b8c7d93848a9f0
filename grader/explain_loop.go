package grader

import (
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

const (
	loopItems  = 100 // rounds of a loop that are looked into
	foundItems = 5   // different values that are shown of a list's elements
)

// walkLoop explains exists and all; other loops tell nothing by themselves.
func (x *explainer) walkLoop(loop celast.ComprehensionExpr, in *frame, should bool) account {
	exists, condition := quantifier(loop)
	if condition == nil || loop.HasIterVar2() {
		return account{}
	}
	all, err := x.eval(loop.IterRange(), in)
	if err != nil {
		return account{}
	}
	from := x.originOf(loop.IterRange(), in)
	items := itemsOf(all, loopItems)
	if exists == should {
		return x.everyRound(loop, condition, in, from, items, should)
	}
	for _, item := range items { // the first that is not as all should be
		inner := &frame{outer: in, name: loop.IterVar(), value: item, origin: x.originOfElement(from, item)}
		if !x.is(should, condition, inner) {
			return x.walk(condition, inner, should)
		}
	}
	return account{}
}

// everyRound explains why there is no element as there should be: by what was
// found in those that came closest.
func (x *explainer) everyRound(loop celast.ComprehensionExpr, condition celast.Expr, in *frame, from *origin, items []ref.Val, should bool) account {
	if !should {
		return account{} // "not all": each could be the one
	}
	if len(items) == 0 {
		a := x.walk(condition, &frame{outer: in, name: loop.IterVar(), origin: from}, should)
		return account{wanted: a.wanted, found: []string{nothing}, origin: from, want: a.want}
	}
	best := account{progress: -1}
	for _, item := range items {
		a := x.walk(condition, &frame{outer: in, name: loop.IterVar(), value: item, origin: x.originOfElement(from, item)}, should)
		switch {
		case a.empty():
			return account{}
		case a.progress > best.progress:
			best = a
		case a.progress == best.progress && a.wanted != best.wanted:
			return account{}
		case a.progress == best.progress:
			best.add(a)
		}
	}
	if len(best.found) > foundItems {
		best.found = append(best.found[:foundItems], "…")
	}
	return best
}

// quantifier recognises what the macros exists and all become, and returns the
// condition on an element.
func quantifier(loop celast.ComprehensionExpr) (exists bool, condition celast.Expr) {
	step := loop.LoopStep()
	if step.Kind() != celast.CallKind || len(step.AsCall().Args()) != 2 {
		return false, nil
	}
	operands := step.AsCall().Args()
	if operands[0].Kind() != celast.IdentKind || operands[0].AsIdent() != loop.AccuVar() {
		return false, nil
	}
	start := literalOf(loop.AccuInit())
	switch name := step.AsCall().FunctionName(); {
	case name == operators.LogicalOr && start == types.False:
		return true, operands[1]
	case name == operators.LogicalAnd && start == types.True:
		return false, operands[1]
	}
	return false, nil
}
