package grader

import "time"

// view is what is known of a cluster while one check is judged. It notes what it
// was asked, so that its owner can tell when the answer may be another one, and
// what has to be fetched for it.
type view struct {
	stores map[query]*store
	done   *outcome // of the check's probe; nil before it has run
	record *record  // of a check of a change

	asked   []reading
	waiting bool // something that was asked for is not known yet
}

// reading is one thing that a check looked at, in the version that it saw.
type reading struct {
	query   query
	version uint64
}

// find returns what is known of a query's objects.
func (v *view) find(q query) found {
	var now found
	if s := v.stores[q]; s != nil {
		now = s.look()
	}
	v.waiting = v.waiting || now.phase == waiting
	v.asked = append(v.asked, reading{q, now.version})
	return now
}

// knowledge is all that is known of a cluster, and what it was judged to mean.
// It belongs to one goroutine; others only fill its stores and executions.
type knowledge struct {
	stores     map[query]*store
	executions map[*check]*execution
	records    map[*check]*record
	verdicts   map[*check]verdict
	memory     *memory // that its stores take
}

func newKnowledge() knowledge {
	return knowledge{stores: map[query]*store{}, executions: map[*check]*execution{}, records: map[*check]*record{}, verdicts: map[*check]verdict{}, memory: &memory{}}
}

// verdict is a check's result with what it rests on.
type verdict struct {
	result   Result
	readings []reading
	done     *outcome
}

// judge judges checks and returns everything that they asked for. Where
// something of that is not known yet, the results are incomplete and complete is
// false. A check that would see what it saw before keeps its verdict.
func (k *knowledge) judge(checks []*check, now time.Time) (results []Result, asked []query, complete bool) {
	complete = true
	for _, c := range checks {
		v, judged := k.verdicts[c]
		if !judged || !k.stands(c, v) {
			view := &view{stores: k.stores, done: k.executions[c].last(), record: k.records[c]}
			v = verdict{result: c.judge(view), readings: view.asked, done: view.done}
			v.result.At = now
			if view.waiting {
				complete = false
				delete(k.verdicts, c)
			} else {
				k.verdicts[c] = v
			}
		}
		for _, r := range v.readings {
			asked = append(asked, r.query)
		}
		results = append(results, v.result)
	}
	return results, asked, complete
}

// stands tells whether judging c again would give the same result.
func (k *knowledge) stands(c *check, v verdict) bool {
	for _, r := range v.readings {
		s := k.stores[r.query]
		if s == nil || s.look().version != r.version {
			return false
		}
	}
	return v.done == k.executions[c].last()
}
