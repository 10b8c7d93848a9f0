package grader

import (
	"slices"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// walk goes down to the part that decides that an expression is not what it
// should be: true, or false inside of a negation.
func (x *explainer) walk(of celast.Expr, in *frame, should bool) account {
	switch of.Kind() {
	case celast.ComprehensionKind:
		return x.walkLoop(of.AsComprehension(), in, should)
	case celast.SelectKind:
		if of.AsSelect().IsTestOnly() {
			return x.presence(of, in, should)
		}
		return x.truth(of, in, should)
	case celast.IdentKind:
		return x.truth(of, in, should)
	case celast.CallKind:
		return x.walkCall(of, in, should)
	}
	return account{}
}

func (x *explainer) walkCall(of celast.Expr, in *frame, should bool) account {
	call := of.AsCall()
	operands := operandsOf(call)
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		return x.walk(operands[0], in, !should)
	case operators.LogicalAnd:
		if !should {
			return account{} // each of them could be the wrong one
		}
		return x.walkAll(operands, in, should)
	case operators.LogicalOr:
		if should {
			return x.oneOf(operands, in)
		}
		return x.walkAll(operands, in, should)
	case operators.Conditional:
		if x.is(true, operands[0], in) {
			return x.walk(operands[1], in, should)
		}
		return x.walk(operands[2], in, should)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.In:
		return x.compare(name, operands[0], operands[1], in, should)
	case "startsWith", "endsWith", "contains", "matches", SameImage:
		if len(operands) == 2 {
			return x.text(name, operands[0], operands[1], in, should)
		}
	case "hasValue":
		return x.optional(operands[0], in, should)
	case operators.OptSelect, operators.Index, operators.OptIndex, "orValue", "value":
		return x.truth(of, in, should)
	}
	return account{}
}

// walkAll explains the first of the parts that should all have one answer and
// does not.
func (x *explainer) walkAll(of []celast.Expr, in *frame, should bool) account {
	for i, operand := range of {
		if !x.is(should, operand, in) {
			a := x.walk(operand, in, should)
			a.progress += i
			return a
		}
	}
	return account{}
}

// oneOf explains several parts of which one should be true, where all of them
// found the same.
func (x *explainer) oneOf(of []celast.Expr, in *frame) account {
	var all account
	for i, operand := range of {
		a := x.walk(operand, in, true)
		switch {
		case a.wanted == "" || len(a.found) != 1:
			return account{}
		case i == 0:
			all = a
			continue
		case !slices.Equal(all.found, a.found) || all.origin == nil || a.origin == nil || !slices.Equal(all.origin.path, a.origin.path):
			return account{}
		}
		all.wanted = clip(all.wanted+" or "+a.wanted, valueSize)
		all.want = nil
	}
	return all
}

// truth explains a value that is itself the answer, such as the field paused.
func (x *explainer) truth(of celast.Expr, in *frame, should bool) account {
	from := x.originOf(of, in)
	if from == nil {
		return account{}
	}
	found, have, ok := x.found(of, in)
	if !ok {
		return account{}
	}
	return account{wanted: wordsOf(types.Bool(should)), found: []string{found}, origin: from, want: types.Bool(should), have: have}
}

// presence explains has(…).
func (x *explainer) presence(of celast.Expr, in *frame, should bool) account {
	sel := of.AsSelect()
	from := x.originOf(sel.Operand(), in)
	if from == nil {
		return account{}
	}
	a := account{wanted: "the field " + sel.FieldName(), found: []string{nothing}, origin: fieldOf(from, sel.FieldName())}
	holder, err := x.eval(sel.Operand(), in)
	if err != nil && !isMissing(err) {
		return account{}
	}
	if should {
		return a
	}
	a.wanted = "no field " + sel.FieldName()
	a.found = []string{wordsOf(member(holder, sel.FieldName()))}
	if a.origin.hidden() {
		a.found = []string{hidden}
	}
	return a
}

// optional explains hasValue().
func (x *explainer) optional(of celast.Expr, in *frame, should bool) account {
	from := x.originOf(of, in)
	found, have, ok := x.found(of, in)
	if from == nil || !ok {
		return account{}
	}
	a := account{wanted: "a value", found: []string{found}, origin: from, have: have}
	if !should {
		a.wanted = "no value"
	}
	return a
}
