package grader

import (
	"context"
	"maps"
	"slices"
	"strings"

	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

const (
	loopItems  = 100 // rounds of a loop that are looked into
	foundItems = 5   // different values that are shown of a list's elements
)

// account is what can be told of a validation that is not true. The zero account
// tells nothing, which is better than a guess.
type account struct {
	wanted string
	found  []string // one, or one of each element that was looked at
	origin *origin  // of what was found; nil where it is of no object

	negated  bool      // wanted is anything but something
	progress int       // how many conditions that have to hold together do, up to this one
	want     ref.Val   // the value behind wanted, where all has to be equal to it
	have     []ref.Val // the values behind found; none where they are a Secret's
	label    string    // the key of a map that was asked for
}

func (a account) empty() bool { return a.wanted == "" && len(a.found) == 0 }

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

// nameExitCode says that a number is a command's exit code, because nothing else
// of the account does.
func (a *account) nameExitCode() {
	for i, found := range a.found {
		a.found[i] = "exit code " + found
	}
	if a.wanted != "" {
		a.wanted = "exit code " + a.wanted
	}
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

// add adds what was found in another element.
func (a *account) add(other account) {
	for _, found := range other.found {
		if !slices.Contains(a.found, found) {
			a.found = append(a.found, found)
		}
	}
	a.have = append(a.have, other.have...)
	if a.origin != nil && other.origin != nil && a.origin.object != other.origin.object {
		a.origin = &origin{variable: a.origin.variable, path: a.origin.path}
	}
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
