// Package verify proves a lab on real clusters: on a fresh one no step is
// complete; the lab's solution, typed into a real terminal on the workstation,
// completes each step when its part is typed and not before, and turns each
// check; the solution without the part of a step leaves that step open; every
// wrong answer fails the check that it names with the words that it names; and
// every right answer beside the solution completes its step.
// Package main calls it for "wheelhouse lab verify", and the tests for every lab.
package verify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs/setup"
	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

const (
	// stepTimeout is how long a step may take to be complete after its part of
	// the solution was typed: images are unpacked and pods start in it.
	stepTimeout = 2 * time.Minute

	// verdictTimeout is the same for a wrong answer's words.
	verdictTimeout = time.Minute

	// watched is for how long a step that has to stay open is watched.
	watched = 4 * time.Second

	setupTimeout = 5 * time.Minute
)

// Pool hands out fresh clusters: *provisioner.Pool.
type Pool interface {
	Claim(ctx context.Context, owner string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error)
	Release(name string)
	Access(ctx context.Context, name string) (*provisioner.Access, error)
}

// Case is one proof, on a cluster of its own.
type Case struct {
	Lab  *content.Lab
	Name string // "solution", "without/" and a step, "wrong/" and a wrong answer, or "right/" and a right one
	run  func(context.Context, *proof) error
}

// Outcome is how a Case went.
type Outcome struct {
	Case       Case
	Problems   []string      // what was not as it has to be; empty when proven
	Transcript string        // the end of what the terminal showed, where there are problems
	Duration   time.Duration // from the claimed cluster on; the mean of several runs
	Flaky      bool          // several runs did not say the same
}

// Cases returns what there is to prove of a lab.
func Cases(lab *content.Lab) []Case {
	cases := []Case{{Lab: lab, Name: "solution", run: solution}}
	for i := range lab.Steps {
		cases = append(cases, Case{Lab: lab, Name: "without/" + lab.Steps[i].Name, run: func(ctx context.Context, p *proof) error {
			return without(ctx, p, &p.lab.Steps[i])
		}})
	}
	for i := range lab.Wrong {
		cases = append(cases, Case{Lab: lab, Name: "wrong/" + lab.Wrong[i].Name, run: func(ctx context.Context, p *proof) error {
			return wrongAnswer(ctx, p, &p.lab.Wrong[i])
		}})
	}
	for i := range lab.Right {
		cases = append(cases, Case{Lab: lab, Name: "right/" + lab.Right[i].Name, run: func(ctx context.Context, p *proof) error {
			return rightAnswer(ctx, p, &p.lab.Right[i])
		}})
	}
	return cases
}

// Run proves a case on a cluster that it claims and releases, with values of the
// lab's variables that are drawn for it. It blocks for a minute or so. What is wrong with the lab is in the outcome; the error is
// trouble of ours, such as no cluster.
func (c Case) Run(ctx context.Context, pool Pool) (*Outcome, error) {
	cluster, err := pool.Claim(ctx, "", provisioner.Spec{Workers: c.Lab.Cluster.Workers}, nil)
	if err != nil {
		return nil, fmt.Errorf("get a cluster: %w", err)
	}
	defer pool.Release(cluster.Name)
	started := time.Now()
	access, err := pool.Access(ctx, cluster.Name)
	if err != nil {
		return nil, fmt.Errorf("reach cluster %s: %w", cluster.Name, err)
	}
	outcome := &Outcome{Case: c}
	p, err := newProof(ctx, c.Lab.For(rand.Text()), access)
	if failed, ok := errors.AsType[*setup.Error](err); ok {
		outcome.Problems = []string{failed.Message}
		outcome.Duration = time.Since(started)
		return outcome, nil
	}
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := c.run(ctx, p); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p.problem("%v", err)
	}
	outcome.Problems, outcome.Duration = p.problems, time.Since(started)
	if len(p.problems) > 0 {
		outcome.Transcript = p.shown + p.typist.transcript()
	}
	return outcome, nil
}

// proof is a lab that is set up on a cluster, judged, and typed at.
type proof struct {
	lab      *content.Lab
	judge    *judge
	typist   *typist
	problems []string

	workstation terminal.Dialer
	shown       string // by terminals before the typist's
	terminals   int
}

func newProof(ctx context.Context, lab *content.Lab, access *provisioner.Access) (*proof, error) {
	prepare, cancel := context.WithTimeoutCause(ctx, setupTimeout, fmt.Errorf("the set-up was not over after %s", setupTimeout))
	defer cancel()
	if err := setup.Run(prepare, lab, access); err != nil {
		return nil, err
	}
	kubeconfig, err := access.Admin()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	student, err := access.Student()
	if err != nil {
		return nil, err
	}
	return begin(ctx, lab, config, access.Dial, student)
}

// begin watches and opens a terminal where everything is set up.
func begin(ctx context.Context, lab *content.Lab, config *rest.Config, workstation terminal.Dialer, kubeconfig []byte) (*proof, error) {
	judge, err := newJudge(ctx, lab, config, terminal.Student(workstation, kubeconfig))
	if err != nil {
		return nil, err
	}
	typist, err := newTypist(ctx, workstation, "verify")
	if err != nil {
		judge.Close()
		return nil, err
	}
	return &proof{lab: lab, judge: judge, typist: typist, workstation: workstation, terminals: 1}, nil
}

func (p *proof) close() {
	p.typist.Close()
	p.judge.Close()
}

func (p *proof) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// solution shows that each step is complete with its part of the solution, and
// only then. Before the first part that is the baseline.
func solution(ctx context.Context, p *proof) error {
	for i := range p.lab.Solution {
		if err := p.untouched(ctx, p.lab.Solution[i:]); err != nil {
			return err
		}
		if err := p.solve(ctx, &p.lab.Solution[i]); err != nil {
			return err
		}
	}
	return nil
}

// untouched reports the steps that are complete although their parts have not
// been typed yet, and the checks of the first of them that are True already.
func (p *proof) untouched(ctx context.Context, parts []content.Part) error {
	ctx, cancel := context.WithTimeoutCause(ctx, verdictTimeout, errors.New("the checks were not judged in time"))
	defer cancel()
	complete, err := p.judge.now(ctx)
	if err != nil {
		return err
	}
	for _, part := range parts {
		already := fmt.Sprintf("step %s is complete before its part of the solution was typed: it gives points for nothing", part.Step)
		if complete[part.Step] && !slices.Contains(p.problems, already) {
			p.problems = append(p.problems, already)
		}
	}
	if step, _ := p.lab.Step(parts[0].Step); !complete[step.Name] {
		for _, check := range p.judge.alreadyTrue(step) {
			p.problem("check %s of step %s is True before its part of the solution was typed", check, step.Name)
		}
	}
	return nil
}

// solve types a part of the solution and waits until its step is complete.
func (p *proof) solve(ctx context.Context, part *content.Part) error {
	return p.completes(ctx, part.Step, part.Text, "the solution")
}

// solveUpTo types the solution up to a step; no step is nothing.
func (p *proof) solveUpTo(ctx context.Context, step string) error {
	if step == "" {
		return nil
	}
	for i := range p.lab.Solution {
		if err := p.solve(ctx, &p.lab.Solution[i]); err != nil {
			return err
		}
		if p.lab.Solution[i].Step == step {
			break
		}
	}
	return nil
}

// completes types a script, called what, and waits until its step is complete.
func (p *proof) completes(ctx context.Context, name, text, what string) error {
	if err := p.typist.typeText(ctx, text); err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	step, _ := p.lab.Step(name) // Load has seen to it
	if err := p.judge.answer(step, text); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stepTimeout, errors.New("time is over"))
	defer cancel()
	err := p.judge.until(ctx, func() bool { return p.judge.complete[name] })
	if err != nil {
		return fmt.Errorf("%s does not complete step %s within %s: %s", what, name, stepTimeout, p.judge.missing(step))
	}
	return nil
}

// rightAnswer shows that a step is complete with another way to do its work.
func rightAnswer(ctx context.Context, p *proof, right *content.RightAnswer) error {
	if err := p.solveUpTo(ctx, right.After); err != nil {
		return err
	}
	return p.completes(ctx, right.Step, right.Text, "this right answer")
}

// wrongAnswer shows that a mistake is recognised, and told in the right words.
func wrongAnswer(ctx context.Context, p *proof, wrong *content.WrongAnswer) error {
	if err := p.solveUpTo(ctx, wrong.After); err != nil {
		return err
	}
	told := func() bool {
		result, ok := p.judge.result(wrong.Step, wrong.Check)
		return ok && result.Status != grader.True && strings.Contains(result.Message, wrong.Message)
	}
	if err := p.typist.typeText(ctx, wrong.Text); err != nil {
		return err
	}
	step, _ := p.lab.Step(wrong.Step)
	if err := p.judge.answer(step, wrong.Text); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, verdictTimeout, errors.New("time is over"))
	defer cancel()
	if err := p.judge.until(ctx, func() bool { return told() || p.judge.complete[wrong.Step] }); err != nil {
		return fmt.Errorf("check %s of step %s never says %q; now: %s", wrong.Check, wrong.Step, wrong.Message, p.judge.missing(step))
	}
	return p.holds(ctx, wrong.Step, fmt.Errorf("step %s accepts this wrong answer", wrong.Step))
}

// holds shows that a step stays open, for a while and in a last look: pods may
// seem right for a moment. The last look asks for everything again at one time, so
// that a check's interval may be longer than the while. It returns accepted where the step is complete.
func (p *proof) holds(ctx context.Context, step string, accepted error) error {
	while, cancel := context.WithTimeout(ctx, watched)
	defer cancel()
	err := p.judge.until(while, func() bool { return p.judge.complete[step] })
	switch {
	case err == nil:
		return accepted
	case !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	look, cancel := context.WithTimeoutCause(ctx, verdictTimeout, errors.New("the checks were not judged in time"))
	defer cancel()
	complete, err := p.judge.now(look)
	if err != nil {
		return err
	}
	if complete[step] {
		return accepted
	}
	return nil
}
