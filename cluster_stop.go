package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner"
)

// stopper is a provider whose clusters can be stopped and go on later.
type stopper interface {
	Stop(ctx context.Context, name string) error
	Start(ctx context.Context, name string) error
}

// nodeStopper is a provider whose nodes can be stopped and started.
type nodeStopper interface {
	StopNode(ctx context.Context, cluster, node string) error
	StartNode(ctx context.Context, cluster, node string) error
}

func newClusterStopCommand() *cobra.Command {
	return newStopperCommand("stop NAME…", "Stop clusters and keep their state (embedded provider)", "Stopped", stopper.Stop, refuseServed)
}

func newClusterStartCommand() *cobra.Command {
	return newStopperCommand("start NAME…", "Start stopped clusters again, with the state that they had (embedded provider)", "Started", stopper.Start, nil)
}

func newClusterNodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Stop and start single nodes of a cluster",
	}
	cmd.AddCommand(
		newNodeStopperCommand("stop CLUSTER NODE…", "Stop nodes, as if their machines lost power", "Stopped", nodeStopper.StopNode),
		newNodeStopperCommand("start CLUSTER NODE…", "Start nodes again that were stopped", "Started", nodeStopper.StartNode),
	)
	return cmd
}

// newStopperCommand does something with each of the named clusters, where allow, which
// may be nil, has no error for them.
func newStopperCommand(use, short, done string, do func(stopper, context.Context, string) error, allow func(context.Context, *config, []string) error) *cobra.Command {
	lacking := &provisioner.Error{Reason: provisioner.CreateFailed, Message: "kind's clusters cannot be stopped and started. " +
		"Delete the cluster instead, or make it with --provider embedded."}
	return newAbilityCommand(use, short, 1, lacking, func(cmd *cobra.Command, cfg *config, able stopper, names []string) error {
		if allow != nil {
			if err := allow(cmd.Context(), cfg, names); err != nil {
				return err
			}
		}
		for _, name := range names {
			if err := do(able, cmd.Context(), name); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s cluster %s.\n", done, name)
		}
		return nil
	})
}

// refuseServed refuses clusters of a server that runs, which would start them again at
// once.
func refuseServed(ctx context.Context, cfg *config, names []string) error {
	at := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, provisioner.NamePrefix) })
	if at < 0 {
		return nil
	}
	server, _, err := cfg.server(ctx)
	if err != nil || server == nil {
		return err
	}
	return fmt.Errorf("cluster %s belongs to the Wheelhouse that runs on %s, which would start it again at once; stop that first", names[at], cfg.Data)
}

// newNodeStopperCommand does something with each of the named nodes.
func newNodeStopperCommand(use, short, done string, do func(nodeStopper, context.Context, string, string) error) *cobra.Command {
	lacking := errors.New("this provider's nodes cannot be stopped and started")
	return newAbilityCommand(use, short, 2, lacking, func(cmd *cobra.Command, _ *config, able nodeStopper, args []string) error {
		for _, node := range args[1:] {
			if err := do(able, cmd.Context(), args[0], node); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s node %s of cluster %s.\n", done, node, args[0])
		}
		return nil
	})
}

// newAbilityCommand calls run with a provider that is an A, and with the arguments,
// of which there are at least least. lacking is the error of all other providers.
func newAbilityCommand[A any](use, short string, least int, lacking error, run func(*cobra.Command, *config, A, []string) error) *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.MinimumNArgs(least),
		RunE: func(cmd *cobra.Command, args []string) error {
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			able, ok := provider.(A)
			if !ok {
				return lacking
			}
			return run(cmd, &cfg, able, args)
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	return cmd
}
