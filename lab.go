package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs/lint"
)

// newLabCommand has the commands for authors of labs.
func newLabCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Make, list, check and prove labs",
	}
	cmd.AddCommand(newLabListCommand(), newLabLintCommand(), newLabSchemaCommand(), newLabVerifyCommand(), newLabNewCommand(), newLabDevCommand(), newLabRegradeCommand())
	return cmd
}

// bindContent adds the flag that names the course.
func (c *config) bindContent(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.Content, "content", "", "folder of a course of your own; empty: the built-in one")
}

// labRow is a lab as "lab list -o json" prints it.
type labRow struct {
	Name    string `json:"name"`
	Module  string `json:"module"`
	Title   string `json:"title"`
	Minutes int    `json:"minutes"`
	Steps   int    `json:"steps"`
	Points  int    `json:"points"`
	Wrong   int    `json:"wrongAnswers"`
}

func newLabListCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the labs of the course, in order",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			course, err := cfg.loadCourse()
			if err != nil {
				return err
			}
			printWarnings(cmd.ErrOrStderr(), course)
			rows := []labRow{}
			for _, lab := range course.Labs() {
				row := labRow{Name: lab.Name, Module: lab.Module, Title: lab.Title, Minutes: lab.Minutes, Steps: len(lab.Steps), Wrong: len(lab.Wrong)}
				for _, step := range lab.Steps {
					row.Points += step.Points
				}
				rows = append(rows, row)
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 3, ' ', 0)
			fmt.Fprintln(table, "LAB\tMODULE\tTITLE\tMINUTES\tSTEPS\tPOINTS")
			for _, row := range rows {
				fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\n", row.Name, row.Module, row.Title, row.Minutes, row.Steps, row.Points)
			}
			return table.Flush()
		},
	}
	cfg.bindContent(cmd)
	output.bind(cmd)
	return cmd
}

func newLabLintCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Find mistakes in the labs without a cluster",
		Long: `Find mistakes in the labs without a cluster.

Every mistake is printed with its file and line, and the exit status is 1 when
there is one. Found are: files that cannot be read, unknown fields and dead
links; expressions that do not compile, never change, or use a field that no such
kind has; checks that pass on an empty cluster; commands that no shell can read;
Markdown that students see as plain text, such as HTML; and instructions that do not name what a check wants.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			course, err := cfg.loadCourse()
			if _, mistake := errors.AsType[*content.Problem](err); err != nil && !mistake {
				return err
			}
			problems := mistakesIn(course, err)
			if output.json() {
				if err := printJSON(cmd.OutOrStdout(), slices.Concat([]*content.Problem{}, problems)); err != nil {
					return err
				}
			} else {
				for _, problem := range problems {
					fmt.Fprintln(cmd.OutOrStdout(), problem)
				}
			}
			switch {
			case len(problems) > 0:
				fmt.Fprintf(cmd.ErrOrStderr(), "%s found.\n", counted(len(problems), "mistake"))
				return errReported
			case !output.json():
				fmt.Fprintf(cmd.OutOrStdout(), "%s, no mistake found.\n", counted(len(course.Labs()), "lab"))
			}
			return nil
		},
	}
	cfg.bindContent(cmd)
	output.bind(cmd)
	return cmd
}

// mistakesIn returns all that is wrong with a course, its warnings too, and with
// what Load said of it, by file and line.
func mistakesIn(course *content.Course, loading error) []*content.Problem {
	mistakes := []error{loading}
	if course != nil {
		for _, lab := range course.Labs() {
			_, err := grader.Compile(lab)
			mistakes = append(mistakes, err)
			for _, problem := range lint.Lab(lab) {
				mistakes = append(mistakes, problem)
			}
		}
		for _, warning := range course.Warnings {
			mistakes = append(mistakes, warning)
		}
	}
	problems := content.Problems(errors.Join(mistakes...))
	slices.SortStableFunc(problems, func(a, b *content.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return problems
}

// printWarnings prints what an author should mend in a course that is used as it is.
func printWarnings(w io.Writer, course *content.Course) {
	for _, warning := range course.Warnings {
		fmt.Fprintln(w, "Warning:", warning)
	}
}

// counted says how many there are of a thing: "1 lab", "2 labs".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// labsNamed returns the labs of the course with these names, or all.
func labsNamed(course *content.Course, names []string) ([]*content.Lab, error) {
	if len(names) == 0 {
		return course.Labs(), nil
	}
	var labs []*content.Lab
	for _, name := range names {
		lab, ok := course.Lab(name)
		if !ok {
			return nil, fmt.Errorf("there is no lab %q: %w; wheelhouse lab list shows those there are", name, fs.ErrNotExist)
		}
		labs = append(labs, lab)
	}
	return labs, nil
}
