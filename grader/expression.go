package grader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/util/version"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// What evaluation may cost, in the units of CEL's cost model as Kubernetes
// counts them: 100,000 take about 30 ms. Kubernetes allows an expression ten
// times as much, but does not evaluate it after every change; an expression over
// a list of a hundred pods costs a few thousand.
const (
	expressionCost = 100_000 // of one expression
	checkCost      = 300_000 // of all expressions of a check together
)

// expression is one compiled CEL expression. It may be evaluated by several
// goroutines at once.
type expression struct {
	program cel.Program
	env     *cel.Env
	ast     *celast.AST // checked

	mu    sync.Mutex
	parts map[int64]cel.Program // of sub-expressions, by their id in ast; see part
}

// environmentOf returns Kubernetes' CEL environment, the one that admission
// policies are checked with, with sameImage and the given variables.
func environmentOf(variables []cel.EnvOption) (*cel.Env, error) {
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	set, err := base.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0), // in every version
		EnvOptions:        slices.Concat(bounded(), []cel.EnvOption{images()}, variables),
	})
	if err != nil {
		return nil, err
	}
	return set.NewExpressionsEnv(), nil
}

// compile translates text, which has to give a value of the type want, or one
// whose type shows only when it is evaluated. Its errors are the mistakes in
// text, one for each, without the place of text in its file.
func compile(env *cel.Env, text string, want *cel.Type) (*expression, []error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		var mistakes []error
		for _, mistake := range issues.Errors() {
			place := fmt.Sprintf("column %d", mistake.Location.Column()+1)
			if strings.Contains(strings.TrimSpace(text), "\n") {
				place = fmt.Sprintf("its line %d, %s", mistake.Location.Line(), place)
			}
			mistakes = append(mistakes, fmt.Errorf("at %s: %s", place, strings.TrimSuffix(mistake.Message, " (in container '')")))
		}
		return nil, mistakes
	}
	if got := ast.OutputType(); !got.IsExactType(want) && !got.IsExactType(cel.DynType) {
		return nil, []error{fmt.Errorf("gives a value of the type %s and has to give %s", cel.FormatCELType(got), cel.FormatCELType(want))}
	}
	program, err := plan(env, ast)
	if err != nil {
		return nil, []error{err}
	}
	return &expression{program: program, env: env, ast: ast.NativeRep()}, nil
}

func plan(env *cel.Env, ast *cel.Ast) (cel.Program, error) {
	return env.Program(ast, cel.InterruptCheckFrequency(apiservercel.CheckFrequency), cel.CostLimit(expressionCost))
}

// part returns the program of a sub-expression of ast, which may use the names
// of the loops around it. It is planned when it is first asked for, because a
// check that passes never does.
func (e *expression) part(of celast.Expr) (*expression, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if program, there := e.parts[of.ID()]; there {
		return &expression{program: program}, nil
	}
	checked := celast.NewCheckedAST(celast.NewAST(of, celast.NewSourceInfo(nil)), e.ast.TypeMap(), e.ast.ReferenceMap())
	message, err := celast.ToProto(checked) // the only way from a part of an AST to a whole one
	if err != nil {
		return nil, err
	}
	program, err := plan(e.env, cel.CheckedExprToAst(message))
	if err != nil {
		return nil, err
	}
	if e.parts == nil {
		e.parts = map[int64]cel.Program{}
	}
	e.parts[of.ID()] = program
	return &expression{program: program}, nil
}

// evaluate gives the expression's value and takes its cost from budget. The
// error says why there is no value; see reasonOf.
func (e *expression) evaluate(ctx context.Context, variables map[string]any, budget *int64) (ref.Val, error) {
	if *budget < 0 {
		return nil, errBudget
	}
	value, details, err := e.program.ContextEval(ctx, variables)
	if cost := details.ActualCost(); cost != nil {
		*budget -= int64(min(*cost, 1<<40))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("its expressions took more than %v: %w", evaluationTime, ctx.Err())
	case err != nil:
		return nil, err
	case *budget < 0:
		return nil, errBudget
	}
	return value, nil
}

var errBudget = errors.New("the check's expressions cost more together than a check may use")

// reasonOf says in one of a Result's reasons why an evaluation failed.
func reasonOf(err error) string {
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.Is(err, errBudget), errors.Is(err, errText), errors.Is(err, errSets):
		return ReasonCost
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ReasonTimeout
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return ReasonCost
	}
	return ReasonInvalid
}
