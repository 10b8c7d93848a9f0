package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner/kind"
)

// finding is one line of the doctor as "-o json" prints it.
type finding struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Next    string `json:"next,omitempty"`
}

// newDoctorCommand looks at what Wheelhouse needs of this machine.
func newDoctorCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at what this machine has and lacks, and say what to do",
		Long: `Look at what Wheelhouse needs of this machine: a container engine, images,
kernel settings, memory, disk. Each finding that is not in order says what to do.
The exit status is 1 when no cluster can be made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.openData(); err != nil {
				return err
			}
			findings := []finding{}
			for _, f := range kind.Doctor(cmd.Context(), cfg.kindOptions()) {
				findings = append(findings, finding{Name: f.Name, Status: string(f.Status), Message: f.Message, Next: f.Next})
			}
			if output.json() {
				if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				marks := map[string]string{string(kind.OK): "✓", string(kind.Warning): "!", string(kind.Failure): "✗"}
				for _, f := range findings {
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", marks[f.Status], f.Name, f.Message)
					if f.Next != "" {
						fmt.Fprintf(cmd.OutOrStdout(), "    → %s\n", f.Next)
					}
				}
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Status == string(kind.Failure) }) {
				return errReported
			}
			return nil
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	output.bind(cmd)
	return cmd
}
