package grader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/cel-go/common/types"
)

// What waits to be judged is bounded. Judging takes states faster than a cluster of
// a lab makes them; more are told as not seen.
const (
	mostStates = 5000
	statesSize = 8 << 20 // bytes of memory that they take
)

// during is what a check of a change has beside its validations: they have to
// hold in every state from the last one in which from is true to the first one in
// which until is.
type during struct {
	place       string // "file:line", for what only its author can mend
	from, until *expression
}

// moment is a state of one query's objects.
type moment struct {
	query query
	found found
	gap   bool // states before it were not seen
	flood bool // because there were too many
	at    time.Time
}

// record keeps every state of the objects that a check of a change looks at, and
// how the change went. Stores call note; all else belongs to whoever judges.
type record struct {
	mu      sync.Mutex
	waiting []moment // not judged yet, in the order in which they came
	size    int64    // bytes that they take

	now     map[query]found
	course  course
	trouble *Result   // why it is unknown whether it begins or ends
	began   time.Time // of the course: the last state in which from was true
	states  int       // that were seen of it
	broken  *Result   // the first state in which a validation did not hold
	told    Result    // of the last change that ended, where none is under way
	last    sight     // the last state of the change that is under way
}

// course is how far a change is.
type course int

const (
	before  course = iota // from is not true
	armed                 // from is true
	started               // it was, and until is not yet
)

func newRecord() *record { return &record{now: map[query]found{}} }

// note keeps a state, in which so many bytes are new. It does not block; a store
// calls it with its lock held.
func (r *record) note(q query, now found, gap bool, fresh int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size += fresh + 16*int64(len(now.objects))
	flood := len(r.waiting) > 0 && (len(r.waiting) >= mostStates || r.size > statesSize)
	if flood {
		newest := map[query]moment{} // of the others
		for _, m := range r.waiting {
			if m.query != q {
				m.gap, m.flood = true, true
				newest[m.query] = m
			}
		}
		r.waiting, r.size = slices.Collect(maps.Values(newest)), 0
	}
	r.waiting = append(r.waiting, moment{query: q, found: now, gap: gap || flood, flood: flood, at: time.Now()})
}

func (r *record) take() []moment {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.waiting
	r.waiting, r.size = nil, 0
	return taken
}

// judgeDuring goes through the states that were seen since it was called last,
// and says how the change goes or how it went.
func (c *check) judgeDuring(view *view) Result {
	for _, v := range c.variables {
		switch now := view.find(v.query); now.phase {
		case waiting:
			return Result{}
		case failed:
			return Result{Status: Unknown, Reason: now.reason, Message: now.problem}
		}
	}
	r := view.record
	taken := r.take()
	ctx, cancel := context.WithTimeout(context.Background(), evaluationTime)
	defer cancel()
	for i, m := range taken {
		late := ctx.Err() != nil && i < len(taken)-1
		if m.gap || late {
			r.miss(m.at, m.flood || late)
		}
		r.now[m.query] = m.found
		if !late {
			c.advance(view, r, m.at)
		}
	}
	result := r.result()
	if r.course == started && result.Pending() {
		c.explain(ctx, view, c.during.until, r.last, nil, &result)
	}
	return result
}

// miss notes that states were not seen. That matters only to a change that may
// have begun.
func (r *record) miss(at time.Time, flood bool) {
	if r.course == before {
		return
	}
	r.course = before
	if flood {
		r.told = Result{Status: Unknown, Reason: ReasonNotSeen, Message: fmt.Sprintf(
			"Before %s more changed than can be looked at in that time, so this cannot be judged. Go back to where it began and do it again.", timeOf(at))}
		return
	}
	r.told = Result{Status: Unknown, Reason: ReasonNotSeen, Message: fmt.Sprintf(
		"For a moment before %s the cluster could not be watched, so this cannot be judged. Go back to where it began and do it again.", timeOf(at))}
}

// advance judges one state.
func (c *check) advance(view *view, r *record, at time.Time) {
	look := func(q query) found {
		if now, of := r.now[q]; of {
			return now
		}
		return view.find(q)
	}
	for _, v := range c.variables {
		if _, seen := r.now[v.query]; !seen {
			return // before the first state of all of them
		}
	}
	seen, evidence, why := c.see(look)
	r.trouble = nil
	begins := why.Status == "" && c.holds(c.during.from, seen, r)
	switch {
	case begins:
		r.course, r.began, r.states, r.broken = armed, at, 0, nil
	case r.course == before:
		return
	default:
		r.course = started
	}
	r.states++
	if r.broken == nil {
		verdict := why
		if verdict.Status == "" {
			verdict = c.doubt(c.validate(view, seen), seen)
		}
		if verdict.Status != True {
			verdict.Evidence = evidence
			r.broken = c.breach(verdict, at)
		}
	}
	if begins || why.Status != "" || !c.holds(c.during.until, seen, r) {
		r.last = seen
		return
	}
	r.course = before
	if r.broken != nil {
		r.told = *r.broken
		return
	}
	r.told = Result{Status: True, Reason: ReasonPassed, Evidence: append([]Evidence{{Name: "what was seen", Text: fmt.Sprintf(
		"%d states between %s and %s; it held in each of them.\n", r.states, timeOf(r.began), timeOf(at))}}, evidence...)}
}

// breach says when what had to hold did not.
func (c *check) breach(verdict Result, at time.Time) *Result {
	if verdict.Status == False {
		verdict.Reason = ReasonWrong
		verdict.Message = fmt.Sprintf("At %s: %s Go back to where it began and do it again.", timeOf(at), sentence(verdict.Message))
	}
	return &verdict
}

// holds tells whether a condition is true. One that asks for what an object does
// not have is not; of one that costs too much it is noted that the result is unknown.
func (c *check) holds(condition *expression, seen sight, r *record) bool {
	ctx, cancel := context.WithTimeout(context.Background(), evaluationTime)
	defer cancel()
	budget := int64(checkCost)
	value, err := condition.evaluate(ctx, seen.values, &budget)
	if err != nil && reasonOf(err) != ReasonInvalid {
		why := c.mistake(reasonOf(err), c.during.place, err.Error())
		r.trouble = &why
	}
	return err == nil && value == types.True
}

func (r *record) result() Result {
	pending := func(format string, args ...any) Result {
		return Result{Status: False, Reason: ReasonPending, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case r.trouble != nil:
		return *r.trouble
	case r.course == started && r.broken != nil:
		return *r.broken
	case r.course == started:
		return pending("The change is not complete yet. What has to hold has held since %s, in all of the %d states that were seen.", timeOf(r.began), r.states)
	case r.course == armed && r.broken == nil && r.told.Status == "":
		return pending("All is ready; the change is watched as soon as it begins.")
	case r.told.Status != "":
		return r.told
	case r.broken != nil:
		return *r.broken
	}
	return pending("The change has not begun.")
}

// timeOf writes a moment as the clock on a wall shows it.
func timeOf(at time.Time) string { return at.Local().Format(time.TimeOnly) }

// sentence ends text with a full stop.
func sentence(text string) string {
	if text == "" {
		return text
	}
	switch text[len(text)-1] {
	case '.', '!', '?':
		return text
	}
	return text + "."
}
