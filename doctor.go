package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner/host"
	"wheelhouse/server/reach"
)

// printFindings writes findings for people. What other machines answered may be among
// them.
func printFindings(w io.Writer, findings []host.Finding) {
	marks := map[host.Status]string{host.OK: "✓", host.Warning: "!", host.Failure: "✗"}
	for _, f := range findings {
		fmt.Fprintf(w, "%s %s: %s\n", marks[f.Status], f.Name, printable(f.Message))
		if f.Next != "" {
			fmt.Fprintf(w, "    → %s\n", printable(f.Next))
		}
	}
}

// newDoctorCommand tries what Wheelhouse needs of this machine.
func newDoctorCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	var address string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try what clusters need of this machine, and say what to do about what it lacks",
		Long: `Look at what Wheelhouse needs of this machine: a container engine or the
runtime pack, images, kernel settings, memory, disk. For clusters without an
engine, what they are made of is then made, in a second or two, and removed again.
Each finding that is not in order says what to do.
The exit status is 1 when no cluster can be made.

With --url, try instead an address as a browser would, from whichever machine: its
name, its certificate, that Wheelhouse answers under that name, that WebSockets,
log-ins and long headers come through the proxies on the way, and whether students'
own web pages can be shown. It needs no log-in and changes nothing. The exit status
is 1 when labs do not work under that address.`,
		Example: `  wheelhouse doctor
  wheelhouse doctor --provider embedded -o json
  wheelhouse doctor --url https://lab.example.org`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var findings []host.Finding
			if address != "" {
				for _, f := range reach.Try(cmd.Context(), address, reach.Options{}) {
					findings = append(findings, host.Found(f.Name, host.Status(f.Status), f.Message, f.Next))
				}
			} else {
				if err := cfg.openData(); err != nil {
					return err
				}
				var err error
				if findings, err = cfg.diagnose(cmd.Context()); err != nil {
					return err
				}
			}
			if output.json() {
				if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				printFindings(cmd.OutOrStdout(), findings)
			}
			if slices.ContainsFunc(findings, func(f host.Finding) bool { return f.Status == host.Failure }) {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "try this address as a browser would, rather than this machine: https://lab.example.org")
	cfg.bindEngine(cmd, slog.LevelWarn)
	bindConfigFile(cmd.Flags())
	output.bind(cmd)
	return cmd
}
