package provisionertest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/provisioner"
)

// watch follows the progress of one creation, and holds it to its rules.
type watch struct {
	t      testing.TB
	middle chan struct{} // closed when the first phase has ended, or the creation

	inside atomic.Int32 // calls of report at work
	once   sync.Once    // closes middle
	last   provisioner.Progress
	seen   int
}

func newWatch(t testing.TB) *watch { return &watch{t: t, middle: make(chan struct{})} }

// report takes one snapshot.
func (w *watch) report(p provisioner.Progress) {
	if w.inside.Add(1) > 1 {
		w.t.Error("progress is reported from two goroutines at once")
	}
	defer w.inside.Add(-1)
	w.check(p)
	if w.seen > 0 {
		w.compare(p)
	}
	w.last = p.Clone()
	w.seen++
	if slices.ContainsFunc(p.Phases, func(phase provisioner.Phase) bool { return !phase.EndedAt.IsZero() }) {
		w.over()
	}
}

// check looks at one snapshot by itself.
func (w *watch) check(p provisioner.Progress) {
	if len(p.Phases) == 0 {
		w.t.Error("progress without phases")
	}
	if p.Place != 0 {
		w.t.Errorf("progress with place %d: a provider knows no line", p.Place)
	}
	names := map[string]bool{}
	for _, phase := range p.Phases {
		if phase.Name == "" || phase.Title == "" || phase.Estimate < 0 || names[phase.Name] {
			w.t.Errorf("phase %+v: want a name of its own, a title and an estimate", phase)
		}
		names[phase.Name] = true
		if phase.EndedAt.IsZero() {
			continue
		}
		if phase.StartedAt.IsZero() || phase.EndedAt.Before(phase.StartedAt) || phase.EndedAt.After(time.Now()) {
			w.t.Errorf("phase %s: started at %s, ended at %s", phase.Name, phase.StartedAt, phase.EndedAt)
		}
	}
}

// compare looks at what must not change from one snapshot to the next.
func (w *watch) compare(p provisioner.Progress) {
	if len(p.Phases) != len(w.last.Phases) {
		w.t.Errorf("%d phases after %d: want all of them listed ahead", len(p.Phases), len(w.last.Phases))
		return
	}
	for i, phase := range p.Phases {
		before := w.last.Phases[i]
		if phase.Name != before.Name {
			w.t.Errorf("phase %d: %s after %s", i, phase.Name, before.Name)
		}
		for _, moment := range []struct {
			what        string
			before, now time.Time
		}{
			{"start", before.StartedAt, phase.StartedAt},
			{"end", before.EndedAt, phase.EndedAt},
		} {
			if !moment.before.IsZero() && !moment.now.Equal(moment.before) {
				w.t.Errorf("phase %s: %s changed from %s to %s", phase.Name, moment.what, moment.before, moment.now)
			}
		}
	}
}

// over says that nothing comes any more, or enough has come.
func (w *watch) over() { w.once.Do(func() { close(w.middle) }) }

// wantFinished looks at the last snapshot of a creation that succeeded.
func (w *watch) wantFinished() {
	w.t.Helper()
	if w.seen == 0 {
		w.t.Error("no progress was reported")
	}
	for _, phase := range w.last.Phases {
		if phase.EndedAt.IsZero() {
			w.t.Errorf("phase %s has not ended in the last snapshot", phase.Name)
		}
	}
}
