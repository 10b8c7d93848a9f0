package provisioner

import (
	"sync"
	"time"
)

// Tracker keeps the progress of one creation for a provider. Phases may overlap.
type Tracker struct {
	mu       sync.Mutex // held while report runs: it is called from one goroutine at a time
	progress Progress
	report   func(Progress)
}

// NewTracker reports the phases to come. report may be nil.
func NewTracker(report func(Progress), phases ...Phase) *Tracker {
	t := &Tracker{report: report, progress: Progress{Phases: phases}}
	t.change(func() bool { return true })
	return t
}

// Start marks the phase as begun. A phase begins once; one that is not listed is
// left out.
func (t *Tracker) Start(name string) {
	t.change(func() bool {
		p := t.phase(name)
		if p == nil || !p.StartedAt.IsZero() {
			return false
		}
		p.StartedAt = time.Now()
		return true
	})
}

// End marks the phase as done, and as begun where nobody saw it begin.
func (t *Tracker) End(name string) {
	t.change(func() bool {
		p := t.phase(name)
		if p == nil || !p.EndedAt.IsZero() {
			return false
		}
		p.EndedAt = time.Now()
		if p.StartedAt.IsZero() {
			p.StartedAt = p.EndedAt
		}
		return true
	})
}

// Retitle says more about a phase under way.
func (t *Tracker) Retitle(name, title string) {
	t.change(func() bool {
		p := t.phase(name)
		if p == nil || p.Title == title {
			return false
		}
		p.Title = title
		return true
	})
}

// change reports the progress when edit has changed it.
func (t *Tracker) change(edit func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if edit() && t.report != nil {
		t.report(t.progress.Clone())
	}
}

func (t *Tracker) phase(name string) *Phase {
	for i := range t.progress.Phases {
		if t.progress.Phases[i].Name == name {
			return &t.progress.Phases[i]
		}
	}
	return nil
}
