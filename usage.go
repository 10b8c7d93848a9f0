package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// explainUsage has every command below and including cmd say, with what was wrong
// on the command line, how it is used. cobra alone only names the mistake, and a
// group takes any word for a wish to see its help.
func explainUsage(cmd *cobra.Command) {
	if !cmd.HasParent() {
		cmd.SetUsageTemplate(strings.Replace(cmd.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return withUsage(cmd, check(cmd, args)) }
	}
	cmd.SetFlagErrorFunc(withUsage)
	if cmd.HasSubCommands() && !cmd.Runnable() && cmd.HasParent() {
		cmd.SuggestionsMinimumDistance = 2
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			problem := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				problem += "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return withUsage(cmd, errors.New(problem))
		}
	}
	for _, child := range cmd.Commands() {
		explainUsage(child)
	}
}

func withUsage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	line := cmd.UseLine()
	if cmd.HasSubCommands() {
		line = cmd.CommandPath() + " [command]"
	}
	return fmt.Errorf("%w\n\nUsage: %s\nMore:  %s --help", err, line, cmd.CommandPath())
}
