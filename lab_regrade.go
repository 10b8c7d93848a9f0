package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wheelhouse/labs"
)

// newLabRegradeCommand shows what mended checks say of what was done before.
func newLabRegradeCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	var all bool
	cmd := &cobra.Command{
		Use:   "regrade LAB",
		Short: "Judge stored results again, after a check was mended, and show who would change",
		Long: `Judge all stored results of a lab again, with no cluster: what each check
looked at was kept beside its result. It changes nothing; it shows which results
the checks as they are now would give another answer to. What cannot be judged
again is counted, with the reason: how a change went, scripts, what Secrets hold,
and what the check did not look at then.`,
		Example: "  wheelhouse lab regrade deployments\n  wheelhouse lab regrade greeting --content my-course --data my-data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			regraded, err := cfg.regrade(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), regraded)
			}
			return printRegraded(cmd.OutOrStdout(), regraded, all)
		},
	}
	cfg.bindContent(cmd)
	cfg.bindData(cmd)
	output.bind(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "show the results that stay as well, and those that cannot be judged")
	return cmd
}

func (c *config) regrade(ctx context.Context, name string) ([]labs.Regraded, error) {
	course, err := c.loadCourse()
	if err != nil {
		return nil, fmt.Errorf("the course has mistakes (wheelhouse lab lint shows them):\n%w", err)
	}
	lab, ok := course.Lab(name)
	if !ok {
		return nil, fmt.Errorf("there is no lab %s in the course; wheelhouse lab list shows them", name)
	}
	var regraded []labs.Regraded
	err = c.withStores(ctx, "results", func(stores labs.Stores) error {
		regraded, err = labs.Regrade(ctx, stores.Results, lab)
		return err
	})
	return regraded, err
}

func printRegraded(out io.Writer, regraded []labs.Regraded, all bool) error {
	table := tabwriter.NewWriter(out, 0, 4, 3, ' ', 0)
	changed, reasons, shown := 0, map[string]int{}, 0
	for _, r := range regraded {
		if r.Changes() {
			changed++
		}
		if r.Why != "" {
			reasons[r.Why]++
		}
		if !all && !r.Changes() {
			continue
		}
		if shown++; shown == 1 {
			fmt.Fprintln(table, "STUDENT\tSESSION\tSTEP\tCHECK\tWAS\tNOW\tMESSAGE")
		}
		now, message := string(r.Now), r.Message
		if r.Why != "" {
			now, message = "?", "cannot be judged again: "+r.Why
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Student, r.SessionID, r.Step, r.Check, r.Was, now, message)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if shown > 0 {
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "%s: %d would change.\n", counted(len(regraded), "stored result"), changed)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(out, "%d cannot be judged again: %s.\n", reasons[reason], reason)
	}
	return nil
}
