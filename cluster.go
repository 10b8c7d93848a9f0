package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner"
)

// clusterNames is what a cluster may be called: short enough for the names of
// its containers, and a DNS label. Names that begin with "wh-" are the pool's.
var clusterNames = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$`)

// newClusterCommand has the commands for clusters without a lab, and for looking
// after those of the labs.
func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Create, list and delete clusters",
		Long: `Create, list and delete clusters.

Clusters whose names begin with "wh-" belong to labs: deleting one ends the
session that uses it.`,
	}
	cmd.AddCommand(newClusterCreateCommand(), newClusterListCommand(), newClusterDeleteCommand(), newClusterKubeconfigCommand(),
		newClusterStopCommand(), newClusterStartCommand(), newClusterNodeCommand())
	bindConfigFile(cmd.PersistentFlags())
	return cmd
}

func newClusterCreateCommand() *cobra.Command {
	var cfg config
	var spec provisioner.Spec
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a cluster with its workstation",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if !clusterNames.MatchString(name) || strings.HasPrefix(name, provisioner.NamePrefix) {
				return fmt.Errorf("cluster name %q: want at most 32 lower-case letters, digits and dashes, a letter first, and not %q, which the labs' clusters begin with", name, provisioner.NamePrefix)
			}
			if spec.Workers < 0 || spec.Workers > 5 {
				return fmt.Errorf("--workers %d: want 0 to 5", spec.Workers)
			}
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("not ready after %s; give it longer with --create-timeout", timeout))
			defer cancel()
			progress := newProgressPrinter(cmd.ErrOrStderr())
			started := time.Now()
			if _, err := provider.Create(ctx, name, spec, progress.report); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Cluster %s is ready after %s.\nUse it:  wheelhouse cluster kubeconfig %s > kubeconfig && kubectl --kubeconfig kubeconfig get nodes\n",
				name, time.Since(started).Round(100*time.Millisecond), name)
			return nil
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cmd.Flags().IntVar(&spec.Workers, "workers", 0, "nodes beside the control plane, 0 to 5")
	cmd.Flags().DurationVar(&timeout, "create-timeout", 10*time.Minute, "give up, and remove what was made, after this long")
	return cmd
}

func newClusterListCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the clusters of this data folder",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			clusters, err := provider.List(cmd.Context())
			if err != nil {
				return err
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), slices.Concat([]provisioner.Cluster{}, clusters))
			}
			return printClusters(cmd.OutOrStdout(), clusters, time.Now())
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	output.bind(cmd)
	return cmd
}

func printClusters(w io.Writer, clusters []provisioner.Cluster, now time.Time) error {
	if len(clusters) == 0 {
		_, err := fmt.Fprintln(w, "No clusters. Create one with: wheelhouse cluster create NAME")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tPROVIDER\tWORKERS\tSTATE\tAGE\tMESSAGE")
	for _, cluster := range clusters {
		age := "unknown"
		if !cluster.CreatedAt.IsZero() {
			age = now.Sub(cluster.CreatedAt).Round(time.Second).String()
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", cluster.Name, cluster.Provider, cluster.Spec.Workers, cluster.State, age, cluster.Message)
	}
	return table.Flush()
}

func newClusterDeleteCommand() *cobra.Command {
	var cfg config
	var all bool
	cmd := &cobra.Command{
		Use:   "delete NAME… | --all",
		Short: "Delete clusters and everything that belongs to them",
		RunE: func(cmd *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return fmt.Errorf("name the clusters to delete, or give --all")
			}
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			known, err := listClusters(cmd.Context(), provider)
			if err != nil {
				return err
			}
			if all {
				names = known
			}
			for _, name := range names {
				if !slices.Contains(known, name) {
					return fmt.Errorf("there is no cluster %q here; wheelhouse cluster list shows those there are", name)
				}
			}
			if len(names) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is no cluster to delete.")
			}
			return deleteClusters(cmd.Context(), provider, cmd.OutOrStdout(), names...)
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cmd.Flags().BoolVar(&all, "all", false, "delete every cluster of this data folder, the labs' too")
	return cmd
}

// listClusters returns the names of a provider's clusters.
func listClusters(ctx context.Context, provider provisioner.Provider) ([]string, error) {
	clusters, err := provider.List(ctx)
	var names []string
	for _, cluster := range clusters {
		names = append(names, cluster.Name)
	}
	return names, err
}

// deleteClusters deletes the named clusters, prints each that is gone, and goes
// on past those that fail: one that hangs on must not keep the others.
func deleteClusters(ctx context.Context, provider provisioner.Provider, w io.Writer, names ...string) error {
	var problems []error
	for _, name := range names {
		if err := provider.Delete(ctx, name); err != nil {
			problems = append(problems, err) // it names the cluster
			continue
		}
		fmt.Fprintf(w, "Deleted cluster %s.\n", name)
	}
	return errors.Join(problems...)
}

func newClusterKubeconfigCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "kubeconfig NAME",
		Short: "Print an administrator's kubeconfig for a cluster",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			access, err := provider.Access(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("cluster %q: %w; wheelhouse cluster list shows those there are", args[0], err)
			}
			kubeconfig, err := access.Admin()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(kubeconfig)
			return err
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	return cmd
}
