package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner/kind"
	"wheelhouse/server"
)

// kindWarning is printed when clusters of many people come from kind.
const kindWarning = `Warning: clusters come from kind, whose nodes are privileged containers. A student
who sets out to can become root on this machine. For people whom you do not trust
use --provider embedded, or a machine that holds nothing else; SECURITY.md says more.`

// newServeCommand serves a class: people log in.
func newServeCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start Wheelhouse for many users, who log in",
		Long: `Start Wheelhouse for many users.

The first start prints a one-time link with which the first instructor makes
their account. Students join a class by the code that its instructor gives them.

A cluster takes about 700 MB of memory and, while it is created, a core:
--max-clusters keeps a machine from being asked for more than it has; without it,
what the machine has left decides (wheelhouse doctor shows it).

As a service of systemd it takes the socket that it is handed, and says when it is
ready. Clusters go on running when it is stopped; the next start finds them again.`,
		Example: `  wheelhouse serve --listen 127.0.0.1:8080
  wheelhouse serve --listen :443 --tls-cert cert.pem --tls-key key.pem --public-url https://lab.example.org`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.inherit(cmd.Flags().Changed("listen")); err != nil {
				return err
			}
			course, err := cfg.loadServed()
			if err != nil {
				return err
			}
			program, err := cfg.open(cmd.Context(), server.Serve, course)
			if err != nil {
				return err
			}
			secret, err := program.labs.BootstrapLink(cmd.Context())
			if err != nil {
				program.close()
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\nWheelhouse is ready at %s\n", program.url)
			if secret != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "\nThe first instructor makes their account with this link, once, within 24 hours:\n\n  %s/#bootstrap=%s\n", program.url, secret)
			}
			if _, ok := program.provider.(*kind.Provider); ok {
				fmt.Fprintln(cmd.OutOrStdout(), "\n"+kindWarning)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\nCtrl-C stops it. Everything is kept in %s\n\n", cfg.Data)
			if err := notifyReady("Serving at " + program.url.String()); err != nil {
				program.logger.Warn("systemd does not learn that the server is ready", "error", err)
			}
			return program.run(cmd.Context(), func(ctx context.Context) error {
				return program.tellStaying(ctx, cmd.OutOrStdout())
			})
		},
	}
	cfg.bindEngine(cmd, slog.LevelInfo)
	bindConfigFile(cmd.Flags())
	cfg.bindServing(cmd, config{Listen: "127.0.0.1:8080", Warm: 2, MaxClusters: 0, Idle: 2 * time.Hour, Rest: 10 * time.Minute})
	return cmd
}
