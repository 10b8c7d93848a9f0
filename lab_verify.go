package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"wheelhouse/content"
	"wheelhouse/labs/verify"
	"wheelhouse/provisioner"
)

// newLabVerifyCommand proves labs on clusters of its own.
func newLabVerifyCommand() *cobra.Command {
	var cfg config
	var report, only string
	var parallel int
	cmd := &cobra.Command{
		Use:   "verify [LAB…]",
		Short: "Prove labs on fresh clusters: baseline, solution, wrong answers",
		Long: `Prove labs, all of them or those that are named, on fresh clusters.

For each lab: on a fresh cluster no step is complete; its solution, typed into a
real terminal on the workstation, completes every step; and every wrong answer
fails the check that it names with the words that it names. The exit status is 1
when one of these is not so. The clusters are deleted in the end.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			course, err := cfg.loadCourse()
			if err != nil {
				return err
			}
			chosen, err := labsNamed(course, names)
			if err != nil {
				return err
			}
			if parallel < 1 {
				return fmt.Errorf("--parallel %d: want 1 or more", parallel)
			}
			cases, err := casesOf(chosen, only)
			if err != nil {
				return err
			}
			outcomes, err := cfg.verify(cmd.Context(), cases, parallel, cmd.ErrOrStderr())
			if report != "" {
				err = errors.Join(err, writeJUnit(report, outcomes))
			}
			if err != nil {
				return err
			}
			return printOutcomes(cmd.OutOrStdout(), outcomes)
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cfg.bindContent(cmd)
	cmd.Flags().StringVar(&report, "junit", "", "file to write a JUnit report to")
	cmd.Flags().StringVar(&only, "only", "*", "`proofs` to run, as a pattern: solution, wrong/typo, 'wrong/*'")
	cmd.Flags().IntVar(&parallel, "parallel", 2, "proofs to run at the same time, each on a cluster of its own")
	return cmd
}

// casesOf returns the proofs of the labs whose names match the pattern, which is
// one of path.Match but for "*", which matches all.
func casesOf(labs []*content.Lab, pattern string) ([]verify.Case, error) {
	var cases []verify.Case
	for _, lab := range labs {
		for _, one := range verify.Cases(lab) {
			matches, err := path.Match(pattern, one.Name)
			if err != nil {
				return nil, fmt.Errorf("--only %q: %w", pattern, err)
			}
			if matches || pattern == "*" {
				cases = append(cases, one)
			}
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("--only %q: no proof of these labs is called so; there are solution, and a wrong/NAME for each file in the folder wrong", pattern)
	}
	return cases, nil
}

// verify runs the proofs, on a pool in a data folder of its own, so
// that a running Wheelhouse is not disturbed and nothing stays.
func (c *config) verify(ctx context.Context, cases []verify.Case, parallel int, progress io.Writer) (_ []*verify.Outcome, err error) {
	data, err := os.MkdirTemp("", "wheelhouse-verify-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	own := *c
	own.Data = data
	provider, err := own.openProvider(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, deleteAll(context.WithoutCancel(ctx), provider)) }()

	pool := provisioner.NewPool(provisioner.PoolOptions{
		Provider:    provider,
		Concurrency: parallel,
		Logger:      own.logger(),
	})
	poolCtx, stop := context.WithCancel(ctx)
	var running errgroup.Group
	running.Go(func() error { return pool.Run(poolCtx) })
	defer func() {
		stop()
		_ = running.Wait() // it ends because it was stopped
	}()

	outcomes := make([]*verify.Outcome, len(cases))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, proof := range cases {
		group.Go(func() error {
			outcome, err := proof.Run(ctx, pool)
			if err != nil {
				return fmt.Errorf("%s %s: %w", proof.Lab.Name, proof.Name, err)
			}
			outcomes[i] = outcome
			fmt.Fprintf(progress, "%s %s %s (%s)\n", mark(outcome), proof.Lab.Name, proof.Name, outcome.Duration.Round(time.Second))
			return nil
		})
	}
	return outcomes, group.Wait()
}

func mark(outcome *verify.Outcome) string {
	if len(outcome.Problems) > 0 {
		return "✗"
	}
	return "✓"
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

// printOutcomes prints the table, then what is wrong; errReported where
// anything is.
func printOutcomes(w io.Writer, outcomes []*verify.Outcome) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "LAB\tPROOF\tRESULT\tTIME")
	failed := 0
	for _, outcome := range outcomes {
		result := "proven"
		if len(outcome.Problems) > 0 {
			result = "FAILED"
			failed++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", outcome.Case.Lab.Name, outcome.Case.Name, result, outcome.Duration.Round(100*time.Millisecond))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, outcome := range outcomes {
		if len(outcome.Problems) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s %s:\n", outcome.Case.Lab.Dir, outcome.Case.Name)
		for _, problem := range outcome.Problems {
			fmt.Fprintf(w, "  - %s\n", problem)
		}
		if outcome.Transcript != "" {
			fmt.Fprintf(w, "  terminal:\n    | %s\n", strings.ReplaceAll(printable(outcome.Transcript), "\n", "\n    | "))
		}
	}
	if failed > 0 {
		fmt.Fprintf(w, "\n%d of %d proofs failed.\n", failed, len(outcomes))
		return errReported
	}
	fmt.Fprintf(w, "\nAll %d proofs hold.\n", len(outcomes))
	return nil
}

// printable replaces what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '·'
		}
		return r
	}, text)
}

// writeJUnit writes what was proven so far; proofs that never ran are errors.
func writeJUnit(file string, outcomes []*verify.Outcome) error {
	suites := map[string]*junit.Testsuite{}
	all := junit.Testsuites{Name: "wheelhouse lab verify"}
	var order []string
	for _, outcome := range outcomes {
		if outcome == nil {
			continue
		}
		lab := outcome.Case.Lab.Name
		if suites[lab] == nil {
			suites[lab] = &junit.Testsuite{Name: lab}
			order = append(order, lab)
		}
		test := junit.Testcase{Classname: lab, Name: outcome.Case.Name, Time: fmt.Sprintf("%.3f", outcome.Duration.Seconds())}
		if len(outcome.Problems) > 0 {
			test.Failure = &junit.Result{Message: printable(outcome.Problems[0]), Data: printable(strings.Join(outcome.Problems, "\n") + "\n\n" + outcome.Transcript)}
		}
		suites[lab].AddTestcase(test)
	}
	for _, lab := range order {
		all.AddSuite(*suites[lab])
	}
	out, err := os.Create(filepath.Clean(file))
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return errors.Join(all.WriteXML(out), out.Close())
}
