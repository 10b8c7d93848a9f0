package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/labs"
)

// newClassCommand looks after classes, for whoever has the data folder.
func newClassCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "class",
		Short: "Look after classes: their codes",
		Long:  "Look after the classes of a data folder. The server may run meanwhile.",
	}
	cmd.AddCommand(newClassListCommand(),
		newClassCodeCommand("renew-code CODE", "Give a class a new code, and open it where it was closed",
			func(o *labs.Operator) func(context.Context, *labs.Class) (*labs.Class, error) { return o.RenewCode },
			func(class *labs.Class) string {
				return fmt.Sprintf("The class %s is joined by %s from now on.", class.Title, class.Code)
			}),
		newClassCodeCommand("close CODE", "Close a class to new students",
			func(o *labs.Operator) func(context.Context, *labs.Class) (*labs.Class, error) { return o.CloseClass },
			func(class *labs.Class) string {
				return fmt.Sprintf("The class %s is closed to new students.", class.Title)
			}))
	return cmd
}

type classInfo struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Code      string    `json:"code"` // empty where the class is closed
	CreatedAt time.Time `json:"createdAt"`
}

func newClassListCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all classes, with their codes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			classes := []classInfo{}
			err := cfg.operate(cmd.Context(), func(o *labs.Operator) error {
				all, err := o.Classes(cmd.Context())
				for _, class := range all {
					classes = append(classes, classInfo{ID: class.ID, Title: class.Title, Code: class.Code, CreatedAt: class.CreatedAt})
				}
				return err
			})
			if err != nil {
				return err
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), classes)
			}
			return printClasses(cmd.OutOrStdout(), classes)
		},
	}
	cfg.bindOperator(cmd)
	output.bind(cmd)
	return cmd
}

func printClasses(out io.Writer, classes []classInfo) error {
	if len(classes) == 0 {
		_, err := fmt.Fprintln(out, "There are no classes yet.")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 3, ' ', 0)
	fmt.Fprintln(table, "TITLE\tCODE\tID\tSINCE")
	for _, class := range classes {
		code := class.Code
		if code == "" {
			code = "(closed)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", class.Title, code, class.ID, class.CreatedAt.Local().Format(time.DateOnly))
	}
	return table.Flush()
}

// newClassCodeCommand makes a command that changes a class's code.
func newClassCodeCommand(use, short string, change func(*labs.Operator) func(context.Context, *labs.Class) (*labs.Class, error), said func(*labs.Class) string) *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + ". CODE is its present code, or its id.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cfg.operate(cmd.Context(), func(o *labs.Operator) error {
				class, err := o.Class(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if class, err = change(o)(cmd.Context(), class); err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), said(class))
				return err
			})
		},
	}
	cfg.bindOperator(cmd)
	return cmd
}
