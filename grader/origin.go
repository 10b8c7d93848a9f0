package grader

import (
	"slices"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// origin is where the value of an expression comes from.
type origin struct {
	variable *variable // nil where the value is a command's output
	object   *object   // nil where it is not one object's
	path     []string  // the fields on the way, as far as the expression names them
}

func (o origin) field(name string) origin {
	o.path = append(slices.Clip(o.path), name)
	return o
}

// what names the object, as evidence does.
func (o origin) what() string {
	if o.object == nil {
		return ""
	}
	return o.object.kind + " " + o.object.key.String()
}

// hidden reports whether it is something that a Secret keeps, which is never
// shown: its data, and the copy of them that kubectl apply leaves.
func (o origin) hidden() bool {
	if o.variable == nil || o.variable.query.kind != "Secret" {
		return false
	}
	if len(o.path) == 0 {
		return true
	}
	switch o.path[0] {
	case "apiVersion", "kind", "type", "immutable":
		return false
	case "metadata":
		return len(o.path) == 1 || o.path[1] == "annotations"
	}
	return true
}

// frame is what the name of a loop stands for, inside it.
type frame struct {
	outer  *frame
	name   string
	value  ref.Val // nil where the loop is only read and not run
	origin *origin // nil where the value is of no object
}

func (f *frame) lookup(name string) *frame {
	for ; f != nil; f = f.outer {
		if f.name == name {
			return f
		}
	}
	return nil
}

// unbound tells whether a loop around has no elements, so that nothing can be
// said of one.
func (f *frame) unbound() bool {
	for ; f != nil; f = f.outer {
		if f.value == nil {
			return true
		}
	}
	return false
}

// originOf finds where the value of an expression comes from: the first of all
// that goes into it. It is nil for what the author wrote themselves.
func (x *explainer) originOf(of celast.Expr, in *frame) *origin {
	switch of.Kind() {
	case celast.IdentKind:
		return x.originOfName(of.AsIdent(), in)
	case celast.SelectKind:
		from := x.originOf(of.AsSelect().Operand(), in)
		return fieldOf(from, of.AsSelect().FieldName())
	case celast.ComprehensionKind:
		return x.originOfLoop(of.AsComprehension(), in)
	case celast.CallKind:
		return x.originOfCall(of.AsCall(), in)
	case celast.ListKind:
		return x.firstOrigin(of.AsList().Elements(), in)
	}
	return nil
}

func fieldOf(from *origin, name string) *origin {
	if from == nil {
		return nil
	}
	there := from.field(name)
	return &there
}

func (x *explainer) originOfName(name string, in *frame) *origin {
	if local := in.lookup(name); local != nil {
		return local.origin
	}
	for i := range x.check.variables {
		if v := &x.check.variables[i]; v.name == name {
			found := &origin{variable: v}
			if objects := x.seen.objects[name].objects; !v.list && len(objects) > 0 {
				found.object = objects[0]
			}
			return found
		}
	}
	if _, output := x.seen.values[name]; output {
		return &origin{path: []string{name}}
	}
	return nil
}

func (x *explainer) originOfCall(call celast.CallExpr, in *frame) *origin {
	operands := operandsOf(call)
	switch call.FunctionName() {
	case operators.OptSelect, operators.Index, operators.OptIndex:
		from := x.originOf(operands[0], in)
		if from == nil {
			return nil
		}
		key := "*"
		if literal, ok := literalOf(operands[1]).(types.String); ok {
			key = string(literal)
		}
		if from.variable != nil && from.variable.list && len(from.path) == 0 {
			if at, ok := literalOf(operands[1]).(types.Int); ok {
				return x.element(from, int(at))
			}
			return from
		}
		return fieldOf(from, key)
	case operators.Conditional:
		return x.firstOrigin(operands[1:], in)
	}
	return x.firstOrigin(operands, in)
}

func (x *explainer) firstOrigin(of []celast.Expr, in *frame) *origin {
	for _, operand := range of {
		if from := x.originOf(operand, in); from != nil {
			return from
		}
	}
	return nil
}

// originOfLoop is that of what it goes through; a name that cel.bind gives is a
// loop through nothing.
func (x *explainer) originOfLoop(loop celast.ComprehensionExpr, in *frame) *origin {
	if from := x.originOf(loop.IterRange(), in); from != nil {
		return from
	}
	inner := &frame{outer: in, name: loop.AccuVar(), origin: x.originOf(loop.AccuInit(), in)}
	return x.originOf(loop.Result(), inner)
}

// element is where an element of a list variable comes from.
func (x *explainer) element(list *origin, at int) *origin {
	one := *list
	if objects := x.seen.objects[list.variable.name].objects; at >= 0 && at < len(objects) {
		one.object = objects[at]
	}
	return &one
}

// originOfElement is where one element of what a loop goes through comes from.
// Where that is an object of a list, it is found again by its name.
func (x *explainer) originOfElement(list *origin, value ref.Val) *origin {
	if list == nil || list.variable == nil || !list.variable.list || len(list.path) > 0 {
		return list
	}
	namespace, name := nameOf(value)
	for i, o := range x.seen.objects[list.variable.name].objects {
		if o.key == (objectKey{namespace, name}) {
			return x.element(list, i)
		}
	}
	return list
}

func nameOf(value ref.Val) (namespace, name string) {
	about := member(value, "metadata")
	return textMember(about, "namespace"), textMember(about, "name")
}

// member is a map's value of a key, or nil.
func member(of ref.Val, key string) ref.Val {
	all, ok := of.(traits.Mapper)
	if !ok {
		return nil
	}
	value, _ := all.Find(types.String(key))
	return value
}

// operandsOf lists all that goes into a call, in the order of its evaluation.
func operandsOf(call celast.CallExpr) []celast.Expr {
	if call.IsMemberFunction() {
		return append([]celast.Expr{call.Target()}, call.Args()...)
	}
	return call.Args()
}

func literalOf(of celast.Expr) ref.Val {
	if of.Kind() != celast.LiteralKind {
		return nil
	}
	return of.AsLiteral()
}

// hides tells whether anything that goes into an expression is a Secret's to
// keep.
func (x *explainer) hides(of celast.Expr, in *frame) bool {
	switch of.Kind() {
	case celast.IdentKind:
		from := x.originOfName(of.AsIdent(), in)
		return from != nil && from.hidden()
	case celast.SelectKind:
		return !of.AsSelect().IsTestOnly() && x.hidesField(of, of.AsSelect().Operand(), in)
	case celast.CallKind:
		operands := operandsOf(of.AsCall())
		switch of.AsCall().FunctionName() {
		case operators.OptSelect, operators.Index, operators.OptIndex:
			return x.hidesField(of, operands[0], in) || x.hides(operands[1], in)
		}
		return x.hidesAny(operands, in)
	case celast.ListKind:
		return x.hidesAny(of.AsList().Elements(), in)
	case celast.MapKind:
		return slices.ContainsFunc(of.AsMap().Entries(), func(e celast.EntryExpr) bool {
			return x.hides(e.AsMapEntry().Key(), in) || x.hides(e.AsMapEntry().Value(), in)
		})
	case celast.ComprehensionKind:
		return x.hidesLoop(of.AsComprehension(), in)
	case celast.StructKind:
		return true // none of ours: better safe
	}
	return false
}

func (x *explainer) hidesAny(of []celast.Expr, in *frame) bool {
	return slices.ContainsFunc(of, func(e celast.Expr) bool { return x.hides(e, in) })
}

// hidesField decides by the whole path to a field, where that begins at a name.
func (x *explainer) hidesField(of, operand celast.Expr, in *frame) bool {
	if !startsAtName(operand) {
		return x.hides(operand, in)
	}
	from := x.originOf(of, in)
	return from != nil && from.hidden() || x.hidesKeys(operand, in)
}

// hidesKeys looks at what a path is indexed by.
func (x *explainer) hidesKeys(path celast.Expr, in *frame) bool {
	switch path.Kind() {
	case celast.SelectKind:
		return x.hidesKeys(path.AsSelect().Operand(), in)
	case celast.CallKind:
		operands := operandsOf(path.AsCall())
		return x.hides(operands[1], in) || x.hidesKeys(operands[0], in)
	}
	return false
}

// startsAtName tells whether an expression is a name and fields of it.
func startsAtName(of celast.Expr) bool {
	switch of.Kind() {
	case celast.IdentKind:
		return true
	case celast.SelectKind:
		return startsAtName(of.AsSelect().Operand())
	case celast.CallKind:
		switch of.AsCall().FunctionName() {
		case operators.OptSelect, operators.Index, operators.OptIndex:
			return startsAtName(operandsOf(of.AsCall())[0])
		}
	}
	return false
}

// hidesLoop looks at what is made of the elements, where the loop goes through
// whole Secrets.
func (x *explainer) hidesLoop(loop celast.ComprehensionExpr, in *frame) bool {
	from := x.originOf(loop.IterRange(), in)
	secrets := from != nil && from.variable != nil && from.variable.list && len(from.path) == 0
	if !secrets && x.hides(loop.IterRange(), in) {
		return true
	}
	if secrets && loop.IterRange().Kind() == celast.ComprehensionKind && x.hides(loop.IterRange(), in) {
		return true
	}
	inner := &frame{outer: in, name: loop.IterVar(), origin: from}
	if loop.HasIterVar2() {
		inner = &frame{outer: inner, name: loop.IterVar2(), origin: from}
	}
	inner = &frame{outer: inner, name: loop.AccuVar(), origin: x.originOf(loop.AccuInit(), in)}
	return x.hidesAny([]celast.Expr{loop.AccuInit(), loop.LoopStep(), loop.Result()}, inner)
}
