package provisioner

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The phase that comes before those of the creation for whoever has to wait for
// it to start.
const (
	linePhase = "Line"
	lineTitle = "Waiting in line"
)

// line works out for each claim that waits which creation they are likely to get,
// or else their place, and wakes them. The first in line gets the cluster that
// has been in the making for longest. The caller holds the lock.
func (p *Pool) line(now time.Time) {
	if len(p.waiting) == 0 {
		return
	}
	jobs := p.creations()
	slots := p.slots(jobs, now)
	place := 0
	for _, w := range p.waiting {
		w.job, w.place, w.wait = nil, 0, 0
		if i := slices.IndexFunc(jobs, func(e *entry) bool { return e.cluster.Spec == w.spec }); i >= 0 {
			w.job = jobs[i]
			jobs = slices.Delete(jobs, i, i+1)
			if w.lined && w.assignedAt.IsZero() {
				w.assignedAt = now
			}
		} else {
			place++
			w.place, w.lined, w.assignedAt = place, true, time.Time{}
			w.wait = p.queue(slots, w.spec)
		}
		w.message, w.trouble = p.excuse(w, now)
		poke(w.changed)
	}
}

// creations returns the clusters in the making, the oldest first.
func (p *Pool) creations() []*entry {
	var out []*entry
	for _, e := range p.entries {
		if e.use == making {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *entry) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.cluster.Name, b.cluster.Name))
	})
	return out
}

// slots says for each creation that may be at work at once how long it is until
// that can start; nil when the pool is full, so that it is not known.
func (p *Pool) slots(jobs []*entry, now time.Time) []time.Duration {
	if p.full() {
		return nil
	}
	out := make([]time.Duration, max(p.options.Concurrency, len(jobs)))
	for i, e := range jobs {
		if total := p.estimates.Total(e.cluster.Spec); total > 0 {
			out[i] = max(0, total-now.Sub(e.since))
		} else {
			out[i], _ = Progress{Phases: p.phases(e)}.Remaining(now)
		}
	}
	return out
}

// queue takes the slot that is free first for a creation of spec, and returns
// how long it is until then; 0 where that is not known.
func (p *Pool) queue(slots []time.Duration, spec Spec) time.Duration {
	if len(slots) == 0 {
		return 0
	}
	i := slices.Index(slots, slices.Min(slots))
	wait := slots[i]
	slots[i] += p.total(spec)
	return wait
}

// total is how long a creation of spec takes: as it was seen here, or else what the
// provider says of its phases; 0 where nothing is known.
func (p *Pool) total(spec Spec) time.Duration {
	total := p.estimates.Total(spec)
	if total == 0 {
		for _, phase := range p.ahead(spec) {
			total += phase.Estimate
		}
	}
	return total
}

// full reports whether the limit of clusters is reached.
func (p *Pool) full() bool {
	there := 0
	for _, e := range p.entries {
		if !e.gone {
			there++
		}
	}
	return p.options.Max > 0 && there >= p.options.Max
}

// excuse says to w why it takes longer, and what kind of trouble that is; both are
// empty while all is well.
func (p *Pool) excuse(w *waiter, now time.Time) (message string, trouble Reason) {
	if err := p.view.trouble(now); err != nil {
		if p.view.at.IsZero() && p.view.err == nil {
			return messageOf(err), "" // the first look takes a moment
		}
		return messageOf(err), ReasonOf(err)
	}
	if t := p.troubles[w.spec]; t != nil {
		return cmp.Or(messageOf(t.err), "The last cluster could not be made.") + " Wheelhouse is trying again by itself.", ReasonOf(t.err)
	}
	if w.job == nil && p.full() {
		return fmt.Sprintf("All %d clusters that may run at once are there. Yours is made as soon as one of them is given back.",
			p.options.Max), ""
	}
	return "", ""
}

// progressOf returns what w is to be told, and whether it has left the line.
func (p *Pool) progressOf(w *waiter) (Progress, bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.cluster != nil || w.err != nil {
		return Progress{}, true
	}
	out := Progress{Place: w.place, Message: w.message, Trouble: w.trouble}
	if w.lined {
		phase := Phase{Name: linePhase, Title: lineTitle, StartedAt: w.since, EndedAt: w.assignedAt}
		if w.assignedAt.IsZero() && w.wait > 0 {
			phase.Estimate = now.Sub(w.since) + w.wait
		}
		out.Phases = append(out.Phases, phase)
	}
	if w.job != nil {
		out.Phases = append(out.Phases, p.phases(w.job)...)
	} else {
		out.Phases = append(out.Phases, p.ahead(w.spec)...)
	}
	return out, false
}

// phases returns those of a creation at work.
func (p *Pool) phases(e *entry) []Phase {
	if len(e.progress.Phases) == 0 {
		return p.ahead(e.cluster.Spec)
	}
	return p.estimates.Apply(e.cluster.Spec, e.progress).Phases
}

// ahead returns the phases of a creation of spec that has not begun: as the last
// one went, or else as one that is at work will go.
func (p *Pool) ahead(spec Spec) []Phase {
	if known := p.estimates.Phases(spec); known != nil {
		return known
	}
	for _, e := range p.creations() {
		if e.cluster.Spec == spec && len(e.progress.Phases) > 0 {
			out := e.progress.Clone().Phases
			for i := range out {
				out[i].StartedAt, out[i].EndedAt = time.Time{}, time.Time{}
			}
			return out
		}
	}
	return nil
}
