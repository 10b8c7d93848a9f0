package pack

import (
	"slices"
	"time"

	"wheelhouse/provisioner"
)

// progress collects phases and reports every change.
type progress struct {
	report func(provisioner.Progress)
	now    provisioner.Progress
}

func newProgress(report func(provisioner.Progress)) *progress {
	if report == nil {
		report = func(provisioner.Progress) {}
	}
	return &progress{report: report}
}

func (p *progress) say(message string) {
	if p.now.Message != message {
		p.now.Message = message
		p.report(p.now.Clone())
	}
}

func (p *progress) plan(name, title string, estimate time.Duration) {
	p.now.Phases = append(p.now.Phases, provisioner.Phase{Name: name, Title: title, Estimate: estimate})
}

// drop takes out a phase with nothing to do.
func (p *progress) drop(name string) {
	p.now.Phases = slices.DeleteFunc(p.now.Phases, func(phase provisioner.Phase) bool { return phase.Name == name })
}

func (p *progress) start(name string) {
	p.change(name, func(phase *provisioner.Phase) { phase.StartedAt = time.Now() })
}

func (p *progress) end(name string) {
	p.change(name, func(phase *provisioner.Phase) { phase.EndedAt = time.Now() })
}

func (p *progress) change(name string, change func(*provisioner.Phase)) {
	for i := range p.now.Phases {
		if p.now.Phases[i].Name == name {
			change(&p.now.Phases[i])
			p.report(p.now.Clone())
		}
	}
}
