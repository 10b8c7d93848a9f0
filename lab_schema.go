package main

import (
	"github.com/spf13/cobra"

	"wheelhouse/content"
)

// newLabSchemaCommand prints what editors check authors' files with.
func newLabSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema lab|module|course",
		Short: "Print the JSON Schema of lab.yaml, module.yaml or course.yaml",
		Long: `Print the JSON Schema of lab.yaml, module.yaml or course.yaml.

An editor that knows YAML's language server checks and completes a file that
begins with the line

  # yaml-language-server: $schema=PATH-OR-ADDRESS-OF-THE-SCHEMA

The schema finds unknown and missing fields; wheelhouse lab lint finds more.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: content.Schemas(),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema, err := content.Schema(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(schema)
			return err
		},
	}
}
