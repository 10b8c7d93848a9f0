package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// outputFlag is -o of the commands whose output is data: "" for people, "json"
// for programs.
type outputFlag string

func (o *outputFlag) bind(cmd *cobra.Command) {
	cmd.Flags().VarP(o, "output", "o", `"json" prints data for programs`)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveNoFileComp))
}

func (o *outputFlag) json() bool { return *o == "json" }

// String, Set and Type make it a pflag.Value.
func (o *outputFlag) String() string { return string(*o) }

func (o *outputFlag) Set(value string) error {
	if value != "json" && value != "" {
		return fmt.Errorf("want json")
	}
	*o = outputFlag(value)
	return nil
}

func (o *outputFlag) Type() string { return "format" }

// printJSON writes value indented, as kubectl -o json does.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// countOf says how many there are of something whose plural ends in s.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
