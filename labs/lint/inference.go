package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// inference finds the shape of every value in one expression, and complains of
// what no value of its shape can have or equal.
type inference struct {
	*expression
	complain func(format string, args ...any)
}

// shape finds the shape of e, where scope has those of the variables.
func (i *inference) shape(e ast.Expr, scope map[string]shape) shape {
	found := i.find(e, scope)
	if found.api == nil && found.elem == nil {
		switch i.ast.NativeRep().GetType(e.ID()) {
		case cel.StringType:
			found.api = basic("").api
		case cel.IntType, cel.UintType, cel.DoubleType:
			found.api = basic(0).api
		case cel.BoolType:
			found.api = basic(false).api
		}
	}
	i.shapes[e.ID()] = found
	return found
}

func (i *inference) find(e ast.Expr, scope map[string]shape) shape {
	switch e.Kind() {
	case ast.IdentKind:
		return scope[e.AsIdent()]
	case ast.SelectKind:
		return i.field(i.shape(e.AsSelect().Operand(), scope), e.AsSelect().FieldName())
	case ast.CallKind:
		return i.call(e.AsCall(), scope)
	case ast.ListKind:
		return i.list(e.AsList(), scope)
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			i.shape(entry.AsMapEntry().Key(), scope)
			i.shape(entry.AsMapEntry().Value(), scope)
		}
	case ast.ComprehensionKind:
		return i.comprehension(e.AsComprehension(), scope)
	}
	return shape{}
}

// field looks up a part of a value, and complains where there is none.
func (i *inference) field(of shape, name string) shape {
	found, ok := of.field(name)
	if ok {
		return found
	}
	what := "the value"
	if of.kind != "" && of.path != "" {
		what = of.path + " of a " + of.kind
	}
	if of.closed() {
		prefix := strings.TrimPrefix(of.path+".", ".")
		names := slices.Sorted(maps.Keys(jsonFields(of.api)))
		i.complain("%s has no field %s%s%s", of.kind, prefix, name, didYouMean(name, names, prefix))
	} else if of.form() == list {
		i.complain("%s is a list and has no field %s; look at one element of it, or at all with exists, all or map", what, name)
	} else if of.form() != unknown {
		i.complain("%s is %s and has no field %s", what, of.form(), name)
	} else {
		i.complain("%s is a number or a text and has no field %s", what, name)
	}
	return of.inside(name, nil)
}

func (i *inference) list(e ast.ListExpr, scope map[string]shape) shape {
	var known *shape
	for _, element := range e.Elements() {
		if found := i.shape(element, scope); known == nil {
			known = &found
		}
	}
	if known == nil {
		return shape{}
	}
	return listOf(*known)
}

func (i *inference) call(call ast.CallExpr, scope map[string]shape) shape {
	var target shape
	if call.IsMemberFunction() {
		target = i.shape(call.Target(), scope)
	}
	args := make([]shape, len(call.Args()))
	for n, arg := range call.Args() {
		args[n] = i.shape(arg, scope)
	}
	switch call.FunctionName() {
	case operators.OptSelect, operators.Index, operators.OptIndex:
		return i.part(args[0], call.Args()[1])
	case operators.Conditional:
		return firstKnown(args[1:]...)
	case operators.Add:
		return firstKnown(args...)
	case operators.Equals, operators.NotEquals:
		i.compare(call, args)
	case "orValue", "or":
		return firstKnown(append([]shape{target}, args...)...)
	case "value":
		return target
	case "optional.of", "optional.ofNonZeroValue":
		return args[0]
	case "first", "last", "min", "max":
		if call.IsMemberFunction() {
			return target.element()
		}
	}
	return shape{}
}

// part is what an index, or an optional selection, takes out of a value.
func (i *inference) part(of shape, key ast.Expr) shape {
	if key.Kind() == ast.LiteralKind {
		if name, isText := key.AsLiteral().(types.String); isText {
			return i.field(of, string(name))
		}
	}
	return of.element()
}

func firstKnown(shapes ...shape) shape {
	for _, s := range shapes {
		if s.api != nil || s.elem != nil {
			return s
		}
	}
	for _, s := range shapes {
		if s.path != "" {
			return s
		}
	}
	return shape{}
}

// comprehension is what the macros (exists, all, filter, map, optMap) are made
// of: a loop with one or two variables and an accumulator.
func (i *inference) comprehension(loop ast.ComprehensionExpr, scope map[string]shape) shape {
	over := i.shape(loop.IterRange(), scope)
	inner := maps.Clone(scope)
	element := over.element()
	if over.form() == fields { // one variable walks over keys
		element = shape{}
	}
	inner[loop.IterVar()] = element
	if loop.HasIterVar2() {
		inner[loop.IterVar()], inner[loop.IterVar2()] = shape{}, over.element()
	}
	gathered := i.shape(loop.AccuInit(), scope)
	inner[loop.AccuVar()] = gathered
	i.shape(loop.LoopCondition(), inner)
	gathered = firstKnown(gathered, i.shape(loop.LoopStep(), inner))
	after := maps.Clone(scope)
	after[loop.AccuVar()] = gathered
	return i.shape(loop.Result(), after)
}

// compare complains of two values that can never be equal because they have not
// the same form.
func (i *inference) compare(call ast.CallExpr, args []shape) {
	left, right := args[0].form(), args[1].form()
	if left == unknown || right == unknown || left == right || isNull(call.Args()[0]) || isNull(call.Args()[1]) {
		return
	}
	verdict := "is never so"
	if call.FunctionName() == operators.NotEquals {
		verdict = "is always so"
	}
	i.complain("%s is compared with %s: that they are %s %s",
		args[0].words(), args[1].words(), map[string]string{operators.Equals: "equal", operators.NotEquals: "different"}[call.FunctionName()], verdict)
}

func isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// words names a value for a message.
func (s shape) words() string {
	if s.kind == "" || s.path == "" {
		return string(s.form())
	}
	return s.path + " of a " + s.kind + " (" + string(s.form()) + ")"
}
