package grader

import (
	"fmt"
	"strings"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// gap is what an expression asked an object for and what is not there: a field,
// or an element of a list.
type gap struct {
	of    origin // what lacks it
	name  string // of the field, or the place in the list
	place bool   // name is a place in a list
	none  bool   // there is no object at all
}

// words says what is missing, as a Result's Found.
func (g *gap) words() string {
	last := ""
	if len(g.of.path) > 0 {
		last = g.of.path[len(g.of.path)-1]
	}
	switch {
	case g.none:
		return fmt.Sprintf("nothing: there is no %s", g.of.variable.query.what())
	case g.place && last == "":
		return fmt.Sprintf("nothing: the list has no element %s", g.name)
	case g.place:
		return fmt.Sprintf("nothing: the list %s has no element %s", last, g.name)
	}
	what := "field"
	switch last {
	case "labels", "matchLabels":
		what = "label"
	case "annotations":
		what = "annotation"
	case "data", "stringData", "selector", "nodeSelector":
		what = "key"
	}
	return clip(fmt.Sprintf("nothing: the %s %s is not set", what, g.name), valueSize)
}

// gap returns what was missing where that is why the expression could not be
// evaluated, and nil where the reason is another one: what an author wrote
// themselves is theirs to mend, and so is the field of a number.
func (x *explainer) gap(err error) *gap {
	if !isMissing(err) {
		return nil
	}
	defer func() { _ = recover() }() // then it counts as the author's
	return x.blame(x.expression.ast.Expr(), nil)
}

// isMissing tells whether CEL found no such key, or no such element. It has no
// other sign than the words.
func isMissing(err error) bool {
	return strings.HasPrefix(err.Error(), "no such key: ") || strings.HasPrefix(err.Error(), "index out of bounds: ")
}

// blame finds the innermost part that fails because something is missing.
func (x *explainer) blame(of celast.Expr, in *frame) *gap {
	if _, err := x.eval(of, in); err == nil || !isMissing(err) {
		return nil
	}
	switch of.Kind() {
	case celast.SelectKind:
		sel := of.AsSelect()
		if inner := x.blame(sel.Operand(), in); inner != nil {
			return inner
		}
		return x.lack(sel.Operand(), types.String(sel.FieldName()), in)
	case celast.CallKind:
		return x.blameCall(of.AsCall(), in)
	case celast.ComprehensionKind:
		return x.blameLoop(of.AsComprehension(), in)
	case celast.ListKind:
		return x.blameAny(of.AsList().Elements(), in)
	case celast.MapKind:
		for _, entry := range of.AsMap().Entries() {
			if g := x.blameAny([]celast.Expr{entry.AsMapEntry().Key(), entry.AsMapEntry().Value()}, in); g != nil {
				return g
			}
		}
	}
	return nil
}

func (x *explainer) blameAny(of []celast.Expr, in *frame) *gap {
	for _, operand := range of {
		if g := x.blame(operand, in); g != nil {
			return g
		}
	}
	return nil
}

func (x *explainer) blameCall(call celast.CallExpr, in *frame) *gap {
	operands := operandsOf(call)
	if call.FunctionName() == operators.Conditional {
		if g := x.blame(operands[0], in); g != nil {
			return g
		}
		if value, err := x.eval(operands[0], in); err == nil && value == types.True {
			return x.blame(operands[1], in)
		}
		return x.blame(operands[2], in)
	}
	if g := x.blameAny(operands, in); g != nil {
		return g
	}
	if call.FunctionName() == operators.Index {
		if key, err := x.eval(operands[1], in); err == nil {
			return x.lack(operands[0], key, in)
		}
	}
	return nil
}

// blameLoop runs the loop as CEL does, up to what fails.
func (x *explainer) blameLoop(loop celast.ComprehensionExpr, in *frame) *gap {
	if g := x.blameAny([]celast.Expr{loop.IterRange(), loop.AccuInit()}, in); g != nil {
		return g
	}
	all, err := x.eval(loop.IterRange(), in)
	if err != nil {
		return nil
	}
	soFar, err := x.eval(loop.AccuInit(), in)
	if err != nil {
		return nil
	}
	from := x.originOf(loop.IterRange(), in)
	collected := &frame{outer: in, name: loop.AccuVar(), value: soFar, origin: x.originOf(loop.AccuInit(), in)}
	for i, item := range itemsOf(all, loopItems) {
		inner := x.inside(loop, collected, from, all, i, item)
		value, err := x.eval(loop.LoopStep(), inner)
		if err != nil {
			return x.blame(loop.LoopStep(), inner)
		}
		collected = &frame{outer: in, name: loop.AccuVar(), value: value, origin: collected.origin}
	}
	return x.blame(loop.Result(), collected)
}

// inside binds the names of a loop for one of its rounds.
func (x *explainer) inside(loop celast.ComprehensionExpr, outer *frame, from *origin, all ref.Val, at int, item ref.Val) *frame {
	if !loop.HasIterVar2() {
		return &frame{outer: outer, name: loop.IterVar(), value: item, origin: x.originOfElement(from, item)}
	}
	var key, value ref.Val = types.Int(at), item
	if mapped, ok := all.(traits.Mapper); ok {
		key, value = item, mapped.Get(item)
	}
	first := &frame{outer: outer, name: loop.IterVar(), value: key}
	return &frame{outer: first, name: loop.IterVar2(), value: value, origin: x.originOfElement(from, value)}
}

// itemsOf lists a list's elements, or a map's keys, the first of a long one.
func itemsOf(all ref.Val, most int) []ref.Val {
	iterable, ok := all.(traits.Iterable)
	if !ok {
		return nil
	}
	var items []ref.Val
	for it := iterable.Iterator(); it.HasNext() == types.True && len(items) < most; {
		items = append(items, it.Next())
	}
	return items
}

// lack is the gap where an operand, which has a value, has nothing under a key.
// Only an object can lack something: a number has no fields to begin with.
func (x *explainer) lack(operand celast.Expr, key ref.Val, in *frame) *gap {
	from := x.originOf(operand, in)
	if from == nil || from.variable == nil {
		return nil
	}
	value, err := x.eval(operand, in)
	if err != nil {
		return nil
	}
	missing := &gap{of: *from, name: fmt.Sprint(key.Value())}
	switch value.(type) {
	case traits.Mapper:
		return missing
	case traits.Lister:
		missing.place = true
		return missing
	case types.Null:
		missing.none = len(from.path) == 0 && !from.variable.list
		return missing
	}
	return nil
}
