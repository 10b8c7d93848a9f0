package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"wheelhouse/content"
	"wheelhouse/labs/verify"
	"wheelhouse/provisioner"
)

// newLabVerifyCommand proves labs on clusters of its own.
func newLabVerifyCommand() *cobra.Command {
	var cfg config
	var junitFile, reportFile string
	var only []string
	var runs proofRuns
	cmd := &cobra.Command{
		Use:   "verify [LAB…]",
		Short: "Prove labs on fresh clusters: solution, each step without its part, wrong and right answers",
		Long: `Prove labs, all of them or those that are named, on fresh clusters.

For each lab:

  solution      On a fresh cluster no step is complete. The solution, typed into
                a real terminal on the workstation, completes every step when
                its part is typed, and no check is True before that, unless
                lab.yaml calls it a guard.
  without/STEP  When all of the solution is typed but for the part of one step,
                that step stays open, and none of its checks but guards is True.
  wrong/NAME    Every wrong answer fails the check that it names with the words
                that it names.
  right/NAME    Every other right answer completes the step that it names.

Each proof runs twice, on a fresh cluster each time; a proof whose runs differ is
flaky, and fails. The exit status is 1 when a proof fails. The clusters are
deleted in the end; those of a lab verify that was killed, by the next one or by
wheelhouse cluster delete --all.`,
		Example: `  wheelhouse lab verify
  wheelhouse lab verify deployments --runs 1
  wheelhouse lab verify --only 'solution,wrong/*' --report proofs.md`,
		RunE: func(cmd *cobra.Command, names []string) error {
			course, err := cfg.loadCourse()
			if err != nil {
				return err
			}
			printWarnings(cmd.ErrOrStderr(), course)
			chosen, err := labsNamed(course, names)
			if err != nil {
				return err
			}
			if err := runs.validate(); err != nil {
				return err
			}
			cases, err := casesOf(chosen, only)
			if err != nil {
				return err
			}
			outcomes, err := cfg.verify(cmd.Context(), cases, runs, cmd.ErrOrStderr())
			if junitFile != "" {
				err = errors.Join(err, writeJUnit(junitFile, outcomes))
			}
			if reportFile != "" {
				err = errors.Join(err, writeMarkdown(reportFile, outcomes, runs.each))
			}
			if err != nil {
				return err
			}
			return printOutcomes(cmd.OutOrStdout(), outcomes)
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cfg.bindContent(cmd)
	cmd.Flags().StringVar(&junitFile, "junit", "", "`file` to write a JUnit report to")
	cmd.Flags().StringVar(&reportFile, "report", "", "`file` to write a report in Markdown to")
	cmd.Flags().StringSliceVar(&only, "only", []string{"*"}, "`proofs` to run, as patterns: solution, without/create, 'solution,wrong/*'")
	cmd.Flags().IntVar(&runs.each, "runs", 2, "how often each proof runs, on a fresh cluster each time")
	cmd.Flags().IntVar(&runs.parallel, "parallel", 2, "proofs to run at the same time, each on a cluster of its own")
	return cmd
}

// proofRuns says how proofs are run.
type proofRuns struct {
	each     int // times, on a fresh cluster each
	parallel int // at the same time
}

func (r proofRuns) validate() error {
	if r.parallel < 1 {
		return fmt.Errorf("--parallel %d: want 1 or more", r.parallel)
	}
	if r.each < 1 {
		return fmt.Errorf("--runs %d: want 1 or more", r.each)
	}
	return nil
}

// casesOf returns the proofs of the labs whose names match one of the patterns,
// which are those of path.Match but for "*", which matches all. Each pattern has
// to match something.
func casesOf(labs []*content.Lab, patterns []string) ([]verify.Case, error) {
	var cases []verify.Case
	matched := make([]bool, len(patterns))
	for _, lab := range labs {
		for _, one := range verify.Cases(lab) {
			wanted := false
			for i, pattern := range patterns {
				matches, err := path.Match(pattern, one.Name)
				if err != nil {
					return nil, fmt.Errorf("--only %q: %w", pattern, err)
				}
				if matches || pattern == "*" {
					wanted, matched[i] = true, true
				}
			}
			if wanted {
				cases = append(cases, one)
			}
		}
	}
	for i, pattern := range patterns {
		if !matched[i] {
			return nil, fmt.Errorf("--only %q: no proof of these labs is called so; there are solution, a without/STEP for each step, and a wrong/NAME and a right/NAME for each file in the folders wrong and right", pattern)
		}
	}
	if len(cases) == 0 {
		return nil, errors.New("--only: want the name of a proof, or a pattern")
	}
	return cases, nil
}

// verify runs the proofs, on a pool in a data folder of its own, so
// that a running Wheelhouse is not disturbed and nothing stays. The outcome of a
// proof that never ran is nil.
func (c *config) verify(ctx context.Context, cases []verify.Case, runs proofRuns, progress io.Writer) (_ []*verify.Outcome, err error) {
	if err := c.deleteAbandonedProofs(ctx, progress); err != nil {
		fmt.Fprintf(progress, "%v\n", err) // these proofs have nothing to do with it
	}
	folder, err := newProofFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.remove()) }()
	own := *c
	own.Data = folder.path
	provider, err := own.openProvider(ctx)
	if err != nil {
		return nil, err
	}
	if err := folder.use(provider); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, deleteAll(context.WithoutCancel(ctx), provider)) }()

	pool := provisioner.NewPool(provisioner.PoolOptions{
		Provider:    provider,
		Concurrency: runs.parallel,
		Logger:      own.logger(),
	})
	poolCtx, stop := context.WithCancel(ctx)
	var running errgroup.Group
	running.Go(func() error { return pool.Run(poolCtx) })
	defer func() {
		stop()
		_ = running.Wait() // it ends because it was stopped
	}()

	return runProofs(ctx, pool, cases, runs, progress)
}

// runProofs runs each proof as often as is wanted, several at the same time, and
// merges its runs.
func runProofs(ctx context.Context, pool verify.Pool, cases []verify.Case, runs proofRuns, progress io.Writer) ([]*verify.Outcome, error) {
	ended := make([][]*verify.Outcome, len(cases))
	ticker := newProofProgress(progress, len(cases)*runs.each)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runs.parallel)
	for i, proof := range cases {
		ended[i] = make([]*verify.Outcome, runs.each)
		for run := range runs.each {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err // another has failed, and said why
				}
				outcome, err := proof.Run(ctx, pool)
				if err != nil {
					return fmt.Errorf("%s %s: %w", proof.Lab.Name, proof.Name, err)
				}
				ended[i][run] = outcome
				ticker.ended(outcome)
				return nil
			})
		}
	}
	err := group.Wait()
	outcomes := make([]*verify.Outcome, len(cases))
	for i, runs := range ended {
		runs = slices.DeleteFunc(runs, func(outcome *verify.Outcome) bool { return outcome == nil })
		if len(runs) > 0 {
			outcomes[i] = verify.Merge(runs)
		}
	}
	return outcomes, err
}

// proofProgress prints a line for each run of a proof that has ended.
type proofProgress struct {
	w       io.Writer
	all     int
	started time.Time

	mu   sync.Mutex
	done int
}

func newProofProgress(w io.Writer, all int) *proofProgress {
	return &proofProgress{w: w, all: all, started: time.Now()}
}

// ended prints how one run went, and how long the rest will take if it takes as
// long as what has ended.
func (p *proofProgress) ended(outcome *verify.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	mark := "✓"
	if len(outcome.Problems) > 0 {
		mark = "✗"
	}
	left := ""
	if p.done < p.all {
		each := time.Since(p.started) / time.Duration(p.done)
		left = fmt.Sprintf(", about %s left", (each * time.Duration(p.all-p.done)).Round(time.Second))
	}
	fmt.Fprintf(p.w, "%d of %d %s %s %s (%s)%s\n", p.done, p.all, mark, outcome.Case.Lab.Name, outcome.Case.Name, outcome.Duration.Round(time.Second), left)
}

// deleteAll deletes every cluster of a provider.
func deleteAll(ctx context.Context, provider provisioner.Provider) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	names, err := listClusters(ctx, provider)
	if err != nil {
		return err
	}
	return deleteClusters(ctx, provider, io.Discard, names...)
}
