package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner"
)

// nodeStopper is a provider whose nodes can be stopped and started.
type nodeStopper interface {
	StopNode(ctx context.Context, cluster, node string) error
	StartNode(ctx context.Context, cluster, node string) error
}

func newClusterNodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Stop and start single nodes of a cluster (embedded provider)",
	}
	cmd.AddCommand(
		newNodeStopperCommand("stop CLUSTER NODE…", "Stop nodes, as if their machines lost power", "Stopped", nodeStopper.StopNode),
		newNodeStopperCommand("start CLUSTER NODE…", "Start nodes again that were stopped", "Started", nodeStopper.StartNode),
	)
	return cmd
}

// newNodeStopperCommand does something with each of the named nodes.
func newNodeStopperCommand(use, short, done string, do func(nodeStopper, context.Context, string, string) error) *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			able, ok := provider.(nodeStopper)
			if !ok {
				return &provisioner.Error{Reason: provisioner.NoNode, Message: "A kind cluster's nodes are containers: `docker stop NODE` and `docker start NODE` do it there."}
			}
			for _, node := range args[1:] {
				if err := do(able, cmd.Context(), args[0], node); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s node %s of cluster %s.\n", done, node, args[0])
			}
			return nil
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	return cmd
}
