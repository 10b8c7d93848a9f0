package grader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
)

const (
	evaluationTime = 3 * time.Second // for all expressions of one check together; their cost ends them sooner
	messageSize    = 1024            // bytes of a message that a student is shown
)

// check is one compiled check.
type check struct {
	step, name, title string
	once              bool         // content.Check.Once
	diagnose          bool         // content.Check.Diagnose
	variables         []variable   // by name
	probe             probe        // nil where the check only looks at objects
	probeKey          string       // of what it does; see there
	trust             trust        // what may answer in the API server's place
	during            *during      // nil where it does not judge a change
	validations       []validation // in the author's order
}

// variable is one object, or one list of objects, under the name that
// expressions know it by.
type variable struct {
	name           string
	list, optional bool
	query          query
	link           link // of a list of which only what an object controls counts
}

type validation struct {
	place      string // "file:line", for what only its author can mend
	expression *expression
	message    *expression // nil where text is set
	text       string
	pending    bool
}

// reads are the objects that the check's variables are made of.
func (c *check) reads() []query {
	var read []query
	for _, v := range c.variables {
		read = append(read, v.query)
		if v.link.through != (query{}) {
			read = append(read, v.link.through)
		}
	}
	return read
}

// needs are the objects that have to be known to judge the check.
func (c *check) needs() []query {
	needed := c.reads()
	if c.probe != nil {
		needed = append(needed, c.probe.queries()...)
	}
	return needed
}

// judge holds the check against what view knows and says what it found. It has
// no other input and no effect, but for what view notes about what it was asked;
// the result means nothing where view was asked for what it does not know yet. A
// panic on the way is a result as well.
func (c *check) judge(view *view) (result Result) {
	defer func() {
		if reason := recover(); reason != nil {
			result = c.mistake(ReasonInvalid, "", fmt.Sprint(reason))
		}
		result.Step, result.Check = c.step, c.name
		result.Message = clip(oneLine(result.Message), messageSize)
	}()
	if c.during != nil {
		return c.unlessIntercepted(view, c.judgeDuring(view))
	}
	return c.unlessIntercepted(view, c.judgeObjects(view))
}

// judgeObjects looks at the objects, and at what the probe found, if there is one.
func (c *check) judgeObjects(view *view) Result {
	seen, evidence, why := c.see(view.find)
	switch {
	case view.waiting:
		return Result{}
	case why.Status != "":
		why.Evidence = evidence
		why.saw = &sightings{read: seen.read}
		return why
	}
	saw := &sightings{read: seen.read}
	var result Result
	if c.probe != nil {
		result = c.judgeProbe(view, seen)
	} else {
		result = c.validate(view, seen)
	}
	result.Evidence = append(evidence, result.Evidence...)
	if result = c.doubt(result, seen); result.Reason == ReasonForged {
		return result // without a record: that does not keep who wrote a status
	}
	if probed := result.saw; probed != nil {
		saw.probe, saw.values = probed.probe, probed.values
	}
	result.saw = saw
	return result
}

// see gathers the objects. Where one is missing, why says so: that comes first,
// because nothing that can be said about an object helps a student who has not
// made it yet.
func (c *check) see(look lookup) (seen sight, evidence []Evidence, why Result) {
	look = c.withoutNames(look)
	seen = sight{values: make(map[string]any, len(c.variables)), objects: make(map[string]found, len(c.variables)), read: map[query]found{}}
	var missing []string
	for _, v := range c.variables {
		found := c.find(v, look, seen.read)
		seen.objects[v.name] = found
		switch {
		case found.phase == waiting:
			return seen, evidence, Result{}
		case found.phase == failed:
			return seen, evidence, Result{Status: Unknown, Reason: found.reason, Message: found.problem}
		case found.phase == unknownKind && !v.optional:
			missing = append(missing, fmt.Sprintf("The cluster has no kind %s (%s) yet.", v.query.kind, v.query.apiVersion))
		case v.list:
			seen.values[v.name] = found.contents()
		case len(found.objects) > 0:
			seen.values[v.name] = found.objects[0].content.Object
		case v.optional:
			seen.values[v.name] = nil
		default:
			missing = append(missing, absence(look, v.query))
		}
		evidence = append(evidence, found.evidence()...)
	}
	if len(missing) > 0 {
		why = Result{Status: False, Reason: ReasonNotFound, Message: strings.Join(missing, " ")}
	}
	return seen, evidence, why
}

// find looks for what a variable holds, and notes what it read for that.
func (c *check) find(v variable, look lookup, read map[query]found) found {
	get := func(q query) found { // one state for all variables, so that they can be compared
		if _, there := read[q]; !there {
			read[q] = look(q)
		}
		return read[q]
	}
	all := get(v.query)
	if v.link.owner == "" || all.phase != known {
		return all
	}
	owner := get(c.variables[slices.IndexFunc(c.variables, func(o variable) bool { return o.name == v.link.owner })].query)
	var through found
	if v.link.through != (query{}) {
		if through = get(v.link.through); through.phase != known {
			return through
		}
	}
	if owner.phase == waiting {
		return owner
	}
	if len(owner.objects) == 0 {
		all.objects = nil
		return all
	}
	all.objects = owned(all.objects, owner.objects[0], through.objects)
	return all
}

// sight is what a check looks at: what its expressions know by name, and the
// objects behind that.
type sight struct {
	values  map[string]any
	objects map[string]found
	read    map[query]found // all that was read for that
}

// validate evaluates the validations in the author's order. The first one that
// is not true decides: authors put first what a student has to see first. An
// object that lacks what an expression asks it for is not what is wanted, which
// is no mistake of the expression's.
func (c *check) validate(view *view, seen sight) Result {
	ctx, cancel := context.WithTimeout(context.Background(), evaluationTime)
	defer cancel()
	budget := int64(checkCost)
	for _, v := range c.validations {
		value, err := v.expression.evaluate(ctx, seen.values, &budget)
		var missing *gap
		switch {
		case err == nil && value == types.True:
			continue
		case err == nil && value.Type() != types.BoolType:
			return c.mistake(ReasonInvalid, v.place, fmt.Sprintf("the expression gave a %s and not true or false", value.Type().TypeName()))
		case err != nil:
			if large, cut := errors.AsType[*excess](err); cut {
				return Result{Status: Unknown, Reason: large.reason, Message: large.sentence}
			}
			if missing = c.explainer(ctx, v.expression, seen).gap(err); missing == nil {
				return c.mistake(reasonOf(err), v.place, err.Error())
			}
		}
		reason := ReasonWrong
		if v.pending {
			reason = ReasonPending
		}
		result := Result{Status: False, Reason: reason, Message: c.words(ctx, v, seen.values, &budget)}
		c.explain(ctx, view, v.expression, seen, missing, &result)
		return result
	}
	return Result{Status: True, Reason: ReasonPassed}
}

// words makes an untrue validation's message. A message that cannot be made does
// not change the verdict.
func (c *check) words(ctx context.Context, v validation, values map[string]any, budget *int64) string {
	if v.message == nil {
		return v.text
	}
	if value, err := v.message.evaluate(ctx, values, budget); err == nil && value.Type() == types.StringType {
		if text := oneLine(value.Value().(string)); text != "" {
			return text
		}
	}
	return "This is not so yet: " + c.title + "."
}

// mistake is the result of a check that cannot be evaluated. The student is told
// that it is not their fault, and the author where to look.
func (c *check) mistake(reason, place, problem string) Result {
	if place != "" {
		place = " (" + place + ")"
	}
	return Result{Status: Unknown, Reason: reason, Message: fmt.Sprintf(
		"This check could not be evaluated: %s%s. That is a mistake in the lab and not in your work; please tell whoever runs it.",
		oneLine(problem), place)}
}

// oneLine puts text on one line, with single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// clip cuts text to at most size bytes, between characters, and shows that it
// did.
func clip(text string, size int) string {
	if len(text) <= size {
		return text
	}
	const mark = "…"
	return strings.ToValidUTF8(text[:size-len(mark)], "") + mark
}
