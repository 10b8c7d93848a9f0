package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wheelhouse/content"
)

const (
	// laterLine is how long a line may take that comes after a part that was
	// left out: it may wait for what will never be.
	laterLine = time.Minute

	// laterStep is how long a step after the one that was left out may take.
	laterStep = 20 * time.Second
)

// without shows that a step needs its part of the solution: all other parts are
// typed, and the step stays open. Parts before it have to complete their steps.
// Those after it may need what it makes, so whatever becomes of them is no
// mistake, and nothing waits long for them.
func without(ctx context.Context, p *proof, left *content.Step) error {
	later := false
	for i := range p.lab.Solution {
		part := &p.lab.Solution[i]
		var err error
		switch {
		case part.Step == left.Name:
			later = true
		case later:
			err = p.attempt(ctx, part)
		default:
			err = p.solve(ctx, part)
		}
		if err != nil {
			return err
		}
	}
	err := p.holds(ctx, left.Name, fmt.Errorf("step %s is complete although its part of the solution was never typed", left.Name))
	if err != nil {
		return err
	}
	for _, check := range p.judge.alreadyTrue(left) {
		p.problem("check %s of step %s is True although its part of the solution was never typed", check, left.Name)
	}
	return nil
}

// attempt types a part whatever becomes of its lines, and waits a little for
// its step where that can be complete.
func (p *proof) attempt(ctx context.Context, part *content.Part) error {
	for line := range strings.Lines(part.Text) {
		if err := p.attemptLine(ctx, strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	step, _ := p.lab.Step(part.Step) // Load has seen to it
	if err := p.judge.answer(step, part.Text); err != nil {
		return err
	}
	while, cancel := context.WithTimeout(ctx, laterStep)
	defer cancel()
	err := p.judge.until(while, func() bool { return !slices.Contains(p.judge.open(), part.Step) })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// attemptLine types a line. What hangs is interrupted, and where that does not
// help or the shell has ended, which an "exit" meant for a pod's shell does, the
// next line is typed into a terminal that is new.
func (p *proof) attemptLine(ctx context.Context, line string) error {
	p.typist.patience = laterLine
	err := p.typist.typeLine(ctx, line)
	if err != nil && ctx.Err() == nil {
		err = p.typist.interrupt(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return p.reopen(ctx)
	}
	return nil
}

// reopen goes on in a new terminal.
func (p *proof) reopen(ctx context.Context) error {
	fresh, err := newTypist(ctx, p.workstation, fmt.Sprintf("verify-%d", p.terminals+1))
	if err != nil {
		return err
	}
	p.shown += p.typist.transcript() + "\n(a new terminal)\n"
	p.typist.Close()
	p.typist = fresh
	p.terminals++
	return nil
}
