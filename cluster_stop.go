package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner"
)

// stopper is a provider whose clusters can be stopped and go on later.
type stopper interface {
	Stop(ctx context.Context, name string) error
	Start(ctx context.Context, name string) error
}

func newClusterStopCommand() *cobra.Command {
	return newStopperCommand("stop NAME…", "Stop clusters and keep their state (embedded provider)", "Stopped", stopper.Stop)
}

func newClusterStartCommand() *cobra.Command {
	return newStopperCommand("start NAME…", "Start stopped clusters again, with the state that they had (embedded provider)", "Started", stopper.Start)
}

// newStopperCommand does something with each of the named clusters.
func newStopperCommand(use, short, done string, do func(stopper, context.Context, string) error) *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			able, ok := provider.(stopper)
			if !ok {
				return &provisioner.Error{Reason: provisioner.CreateFailed, Message: "kind's clusters cannot be stopped and started. " +
					"Delete the cluster instead, or make it with --provider embedded."}
			}
			for _, name := range names {
				if err := do(able, cmd.Context(), name); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s cluster %s.\n", done, name)
			}
			return nil
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	return cmd
}
