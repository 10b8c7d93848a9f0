package main

import (
	"cmp"
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
	"wheelhouse/provisioner/embedded"
	"wheelhouse/server/control"
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

Clusters whose names begin with "wh-" belong to labs; cluster list says whose.`,
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
		Short:   "List the clusters of this data folder, and whose they are",
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
			owners, err := cfg.owners(cmd.Context())
			if err != nil {
				return err
			}
			infos := []clusterInfo{}
			for _, cluster := range clusters {
				infos = append(infos, owners.infoOf(cluster))
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), infos)
			}
			if len(infos) == 0 {
				return cfg.printNoClusters(cmd.OutOrStdout())
			}
			return printClusters(cmd.OutOrStdout(), infos, time.Now())
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	output.bind(cmd)
	return cmd
}

// clusterInfo is a cluster and who works with it.
type clusterInfo struct {
	provisioner.Cluster
	User    string `json:"user,omitempty"`    // whose lab it is for
	Lab     string `json:"lab,omitempty"`     // the lab's name
	Session string `json:"session,omitempty"` // the session's id
}

func (o owners) infoOf(cluster provisioner.Cluster) clusterInfo {
	live := o[cluster.Name]
	return clusterInfo{Cluster: cluster, User: live.User.Name, Lab: live.Session.Lab, Session: live.Session.ID}
}

func printClusters(w io.Writer, clusters []clusterInfo, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tPROVIDER\tWORKERS\tSTATE\tAGE\tUSER\tLAB\tMESSAGE")
	for _, cluster := range clusters {
		age := "unknown"
		if !cluster.CreatedAt.IsZero() {
			age = now.Sub(cluster.CreatedAt).Round(time.Second).String()
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", cluster.Name, cluster.Provider, cluster.Spec.Workers, cluster.State, age,
			cmp.Or(cluster.User, "-"), cmp.Or(cluster.Lab, "-"), cluster.Message)
	}
	return table.Flush()
}

// printNoClusters says where there are none, and where on this machine there are some.
func (c *config) printNoClusters(w io.Writer) error {
	fmt.Fprintf(w, "There are no clusters in %s.\n", c.Data)
	if others, err := embedded.New(c.embeddedOptions()); err == nil { // a binary without its parts knows of none
		for _, folder := range others.Elsewhere() {
			fmt.Fprintf(w, "There are some in %s: %s\n", folder, (&config{Data: folder}).command("cluster list"))
		}
	}
	_, err := fmt.Fprintf(w, "To create one: %s\n", c.command("cluster create NAME"))
	return err
}

func newClusterDeleteCommand() *cobra.Command {
	var cfg config
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME… | --all",
		Short: "Delete clusters and everything that belongs to them",
		Long: `Delete clusters and everything that belongs to them.

Before clusters of labs under way are deleted it lists whose they are and asks.
Their sessions end, and their students are told; what they completed stays theirs.
A server that runs keeps the spare clusters that it has made ahead of need: stop it
first, or start it with --warm 0. --all also deletes what a "lab verify" that was
killed has left in the folder for temporary files.`,
		Example: `  wheelhouse cluster delete play
  wheelhouse cluster delete --all --yes`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return fmt.Errorf("name the clusters to delete, or give --all")
			}
			provider, err := cfg.openProvider(cmd.Context())
			if err != nil {
				return err
			}
			if all {
				if err := cfg.deleteAbandonedProofs(cmd.Context(), cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			known, err := listClusters(cmd.Context(), provider)
			if err != nil {
				return err
			}
			if len(known) == 0 && all {
				return cfg.printNoClusters(cmd.OutOrStdout())
			}
			for _, name := range names {
				if !slices.Contains(known, name) {
					return fmt.Errorf("there is no cluster %q in %s; `%s` shows those there are", name, cfg.Data, cfg.command("cluster list"))
				}
			}
			d := deletion{provider: provider, names: names, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
			if d.server, _, err = cfg.server(cmd.Context()); err != nil {
				return err
			}
			if d.owners, err = cfg.owners(cmd.Context()); err != nil {
				return err
			}
			if all {
				d.names = d.withoutSpares(known)
			} else if at := slices.IndexFunc(names, d.spare); at >= 0 {
				return fmt.Errorf("cluster %s is kept ready by the Wheelhouse that runs on %s, which would make another one in its place: stop it first, or start it with --warm 0", names[at], cfg.Data)
			}
			if used := d.owners.describe(d.names); used != "" && !yes {
				question := "Labs under way use these clusters:\n" + used + "Delete " + countOf(len(d.names), "cluster") + " and end their sessions?"
				if !confirmed(cmd.InOrStdin(), cmd.OutOrStdout(), question) {
					return errors.New("nothing was deleted; --yes does it without a question")
				}
			}
			return d.run(cmd.Context())
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cmd.Flags().BoolVar(&all, "all", false, "delete every cluster of this data folder, the labs' too")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before clusters of labs under way are deleted")
	return cmd
}

// deletion is what a command has been asked to delete.
type deletion struct {
	provider provisioner.Provider
	server   *control.Client // that runs on the data folder; nil: none does
	owners   owners
	names    []string
	out, err io.Writer
}

// spare tells whether a cluster is one that the server that runs has made ahead of
// need.
func (d *deletion) spare(name string) bool {
	_, used := d.owners[name]
	return d.server != nil && !used && strings.HasPrefix(name, provisioner.NamePrefix)
}

// withoutSpares returns the names of what can be deleted, and says what is left.
func (d *deletion) withoutSpares(names []string) []string {
	rest := slices.DeleteFunc(slices.Clone(names), d.spare)
	if left := len(names) - len(rest); left > 0 {
		fmt.Fprintf(d.err, "Left alone: %s that the running Wheelhouse keeps ready and would make anew. Stop it first to delete them too.\n", countOf(left, "cluster"))
	}
	return rest
}

// run deletes the clusters. Those that sessions use are the server's to delete,
// where one runs: it ends their sessions first.
func (d *deletion) run(ctx context.Context) error {
	if d.server == nil {
		return deleteClusters(ctx, d.provider, d.out, d.names...)
	}
	var problems []error
	var own, closed []string
	for _, name := range d.names {
		live, used := d.owners[name]
		if !used {
			own = append(own, name)
		} else if err := d.server.Close(ctx, live.Session.ID); err != nil {
			problems = append(problems, fmt.Errorf("end the session of %s: %w", live.User.Name, err))
		} else {
			closed = append(closed, name)
		}
	}
	problems = append(problems, deleteClusters(ctx, d.provider, d.out, own...), d.awaitDeleted(ctx, closed))
	return errors.Join(problems...)
}

// deleteWithin is how long the server may take to delete a cluster before the command
// leaves it to that.
const deleteWithin = 2 * time.Minute

// awaitDeleted waits until the server has deleted the clusters, and prints each that is
// gone.
func (d *deletion) awaitDeleted(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, deleteWithin)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for len(names) > 0 {
		left, err := listClusters(ctx, d.provider)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			gone := !slices.Contains(left, name)
			if gone {
				fmt.Fprintf(d.out, "Deleted cluster %s.\n", name)
			}
			return gone
		})
		if len(names) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the sessions have ended, but the server has not deleted %s yet; it goes on trying: %w", strings.Join(names, ", "), context.Cause(ctx))
		}
	}
	return nil
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
