package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"wheelhouse/labs/verify"
)

// resultOf is a word for how a proof went.
func resultOf(outcome *verify.Outcome) string {
	switch {
	case outcome == nil:
		return "never ran"
	case outcome.Flaky:
		return "FLAKY"
	case len(outcome.Problems) > 0:
		return "FAILED"
	}
	return "proven"
}

// claimOf is what a lab claims that it takes, for the proof that can be compared
// with it.
func claimOf(outcome *verify.Outcome) string {
	if outcome.Case.Name != "solution" {
		return ""
	}
	return fmt.Sprintf("%d min", outcome.Case.Lab.Minutes)
}

// printOutcomes prints the table, then what is wrong; errReported where
// anything is.
func printOutcomes(w io.Writer, outcomes []*verify.Outcome) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "LAB\tPROOF\tRESULT\tTIME\tFOR STUDENTS")
	failed := 0
	for _, outcome := range outcomes {
		if len(outcome.Problems) > 0 {
			failed++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", outcome.Case.Lab.Name, outcome.Case.Name, resultOf(outcome),
			outcome.Duration.Round(100*time.Millisecond), claimOf(outcome))
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
			fmt.Fprintf(w, "  - %s\n", printable(problem))
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
		if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
			return '·'
		}
		return r
	}, text)
}

// writeMarkdown writes a report to a file: every proof in a table, then what is
// wrong. each is how often a proof was to run.
func writeMarkdown(file string, outcomes []*verify.Outcome, each int) error {
	if err := os.WriteFile(filepath.Clean(file), []byte(markdown(outcomes, each)), 0o644); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func markdown(outcomes []*verify.Outcome, each int) string {
	var rows, problems strings.Builder
	ran, proven := 0, 0
	for _, outcome := range outcomes {
		if outcome == nil {
			continue
		}
		ran++
		if len(outcome.Problems) == 0 {
			proven++
		} else {
			writeProblems(&problems, outcome)
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | %s |\n", outcome.Case.Lab.Name, outcome.Case.Name, resultOf(outcome),
			outcome.Duration.Round(100*time.Millisecond), claimOf(outcome))
	}
	var all strings.Builder
	fmt.Fprintf(&all, "# Proofs of labs\n\n%d of %d proofs hold; each was run %s, on a fresh cluster each time.\n", proven, len(outcomes), counted(each, "time"))
	if ran < len(outcomes) {
		fmt.Fprintf(&all, "\n%d never ran, because the run was ended before.\n", len(outcomes)-ran)
	}
	fmt.Fprintf(&all, "\n| lab | proof | result | time | for students |\n| --- | --- | --- | --- | --- |\n%s", rows.String())
	if problems.Len() > 0 {
		fmt.Fprintf(&all, "\n## Problems\n%s", problems.String())
	}
	return all.String()
}

// writeProblems writes what is wrong with a lab. What a cluster or a terminal
// said is text, whatever it looks like.
func writeProblems(w io.Writer, outcome *verify.Outcome) {
	fmt.Fprintf(w, "\n### %s %s\n\n", outcome.Case.Lab.Name, outcome.Case.Name)
	for _, problem := range outcome.Problems {
		fmt.Fprintf(w, "<pre>%s</pre>\n", preformatted(problem))
	}
	if outcome.Transcript != "" {
		fmt.Fprintf(w, "\n<details><summary>The end of what the terminal showed</summary>\n<pre>%s</pre>\n</details>\n", preformatted(outcome.Transcript))
	}
}

// preformatted makes HTML of text for a pre element; an empty line would end the
// HTML within Markdown.
func preformatted(text string) string {
	return strings.ReplaceAll(html.EscapeString(printable(text)), "\n", "&#10;")
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
