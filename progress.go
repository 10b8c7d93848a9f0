package main

import (
	"fmt"
	"io"
	"time"

	"wheelhouse/provisioner"
)

// progressPrinter writes a line as each phase of a creation starts and ends.
type progressPrinter struct {
	w       io.Writer
	started map[string]bool
	ended   map[string]bool
	message string
}

func newProgressPrinter(w io.Writer) *progressPrinter {
	return &progressPrinter{w: w, started: map[string]bool{}, ended: map[string]bool{}}
}

// report takes a snapshot; it is called by one goroutine at a time.
func (p *progressPrinter) report(progress provisioner.Progress) {
	if progress.Message != "" && progress.Message != p.message {
		fmt.Fprintln(p.w, progress.Message)
	}
	p.message = progress.Message
	for _, phase := range progress.Phases {
		if !phase.StartedAt.IsZero() && !p.started[phase.Name] {
			p.started[phase.Name] = true
			estimate := ""
			if phase.Estimate > time.Second {
				estimate = fmt.Sprintf(" (about %s)", phase.Estimate.Round(time.Second))
			}
			fmt.Fprintf(p.w, "  … %s%s\n", phase.Title, estimate)
		}
		if !phase.EndedAt.IsZero() && !p.ended[phase.Name] {
			p.ended[phase.Name] = true
			fmt.Fprintf(p.w, "  ✓ %s  %s\n", phase.Title, phase.EndedAt.Sub(phase.StartedAt).Round(100*time.Millisecond))
		}
	}
}
