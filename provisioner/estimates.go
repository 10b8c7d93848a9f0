package provisioner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Estimates remembers how long creations took on this machine, by phase. All
// methods may be called at the same time.
type Estimates struct {
	file string // empty: in memory only

	writing sync.Mutex // held while the file is written; taken before mu

	mu    sync.Mutex
	specs map[Spec]*history // a history is replaced, never changed
}

// estimatesVersion is that of the file's form. A file of another version is
// started afresh.
const estimatesVersion = 1

// samples is how many of the last durations are kept. The estimate is their
// median, so that one creation that had to download an image spoils nothing.
const samples = 5

// estimatesFile is the file's form: JSON.
type estimatesFile struct {
	Version int       `json:"version"`
	Specs   []history `json:"specs"`
}

// history is what was seen of one Spec.
type history struct {
	Spec   Spec           `json:"spec"`
	Total  []float64      `json:"total"`  // seconds from the first start to the last end
	Phases []phaseHistory `json:"phases"` // in the order of the last creation
}

type phaseHistory struct {
	Name    string    `json:"name"`
	Title   string    `json:"title"`
	Seconds []float64 `json:"seconds"` // the oldest first
}

// OpenEstimates reads file, or starts afresh where there is none. Estimates are
// no reason to fail: a file that cannot be read or makes no sense is logged,
// and overwritten by the next Learn.
func OpenEstimates(file string, logger *slog.Logger) *Estimates {
	e := &Estimates{file: file, specs: map[Spec]*history{}}
	if file == "" {
		return e
	}
	if err := e.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("estimates start afresh", "file", file, "error", err)
		e.specs = map[Spec]*history{}
	}
	return e
}

func (e *Estimates) load() error {
	text, err := os.ReadFile(e.file)
	if err != nil {
		return err
	}
	var content estimatesFile
	if err := json.Unmarshal(text, &content); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if content.Version != estimatesVersion {
		return fmt.Errorf("version %d, want %d", content.Version, estimatesVersion)
	}
	for _, h := range content.Specs {
		if err := h.check(); err != nil {
			return err
		}
		e.specs[h.Spec] = &h
	}
	return nil
}

// check refuses what no creation can have taken.
func (h *history) check() error {
	all := slices.Clone(h.Total)
	for _, phase := range h.Phases {
		all = append(all, phase.Seconds...)
	}
	for _, seconds := range all {
		if seconds < 0 || seconds > (24*time.Hour).Seconds() {
			return fmt.Errorf("a phase of %g seconds", seconds)
		}
	}
	return nil
}

// Phases returns the phases of a cluster of spec, none of them started: those of
// its last creation, or nil where none was seen yet.
func (e *Estimates) Phases(spec Spec) []Phase {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.specs[spec]
	if h == nil {
		return nil
	}
	var out []Phase
	for _, phase := range h.Phases {
		out = append(out, Phase{Name: phase.Name, Title: phase.Title, Estimate: median(phase.Seconds)})
	}
	return out
}

// Apply returns progress with the provider's own estimates replaced by what was
// learned here.
func (e *Estimates) Apply(spec Spec, progress Progress) Progress {
	out := progress.Clone()
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.specs[spec]
	if h == nil {
		return out
	}
	for i := range out.Phases {
		phase := &out.Phases[i]
		if known := h.phase(phase.Name); known != nil {
			phase.Estimate = median(known.Seconds)
		}
	}
	return out
}

// Total estimates a whole creation; 0 where none was seen yet. It is less than
// the sum of the phases where some of them run side by side.
func (e *Estimates) Total(spec Spec) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.specs[spec]; h != nil {
		return median(h.Total)
	}
	return 0
}

// Learn takes in the last snapshot of a creation that succeeded, and writes the
// file.
func (e *Estimates) Learn(spec Spec, progress Progress) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	if !e.learn(spec, progress) || e.file == "" {
		return nil
	}
	text, err := json.MarshalIndent(e.content(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode estimates: %w", err)
	}
	if err := WriteFile(e.file, append(text, '\n')); err != nil {
		return fmt.Errorf("keep estimates: %w", err)
	}
	return nil
}

// content returns what the file is to hold.
func (e *Estimates) content() estimatesFile {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := estimatesFile{Version: estimatesVersion}
	for _, h := range e.specs {
		out.Specs = append(out.Specs, *h)
	}
	slices.SortFunc(out.Specs, func(a, b history) int { return a.Spec.Workers - b.Spec.Workers })
	return out
}

// learn reports whether there was anything to learn.
func (e *Estimates) learn(spec Spec, progress Progress) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.specs[spec]
	if old == nil {
		old = &history{}
	}
	now := &history{Spec: spec}
	var first, last time.Time
	for _, phase := range progress.Phases {
		if phase.StartedAt.IsZero() || phase.EndedAt.Before(phase.StartedAt) {
			continue
		}
		var before []float64
		if known := old.phase(phase.Name); known != nil {
			before = known.Seconds
		}
		now.Phases = append(now.Phases, phaseHistory{
			Name: phase.Name, Title: phase.Title,
			Seconds: remember(before, phase.EndedAt.Sub(phase.StartedAt)),
		})
		if first.IsZero() || phase.StartedAt.Before(first) {
			first = phase.StartedAt
		}
		last = later(last, phase.EndedAt)
	}
	if len(now.Phases) == 0 {
		return false
	}
	now.Total = remember(old.Total, last.Sub(first))
	e.specs[spec] = now
	return true
}

func (h *history) phase(name string) *phaseHistory {
	i := slices.IndexFunc(h.Phases, func(p phaseHistory) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &h.Phases[i]
}

// remember appends d to the durations seen before, and drops the oldest.
func remember(seconds []float64, d time.Duration) []float64 {
	out := append(slices.Clone(seconds), d.Seconds())
	return out[max(0, len(out)-samples):]
}

// median returns the middle one of durations in seconds; 0 of none.
func median(seconds []float64) time.Duration {
	if len(seconds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(seconds))
	return time.Duration(sorted[len(sorted)/2] * float64(time.Second)).Round(time.Millisecond)
}
