package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/labs"
	"wheelhouse/server/control"
)

// statusInfo is what `wheelhouse status` tells.
type statusInfo struct {
	Data     string          `json:"data"`
	Server   *control.Status `json:"server"` // null: none runs
	Sessions []sessionInfo   `json:"sessions"`
}

// sessionInfo is a session under way.
type sessionInfo struct {
	ID        string     `json:"id"`
	User      string     `json:"user"`
	Lab       string     `json:"lab"`
	Phase     labs.Phase `json:"phase"`
	Cluster   string     `json:"cluster,omitempty"`
	Completed int        `json:"completed"` // steps
	CreatedAt time.Time  `json:"createdAt"`
	ActiveAt  time.Time  `json:"activeAt"` // when its student last did something, to a minute
}

func newStatusCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell whether Wheelhouse runs, how it is, and who works in which lab",
		Long: `Tell whether a Wheelhouse runs on a data folder, how it is, and who works in which
lab. The exit status is 0 where one runs and labs can be opened, else 1.`,
		Example: `  wheelhouse status
  wheelhouse status --data /var/lib/wheelhouse -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Data, err = cfg.dataFolder(); err != nil {
				return err
			}
			info := statusInfo{Data: cfg.Data, Sessions: []sessionInfo{}}
			if _, info.Server, err = cfg.server(cmd.Context()); err != nil {
				return err
			}
			live, err := cfg.liveSessions(cmd.Context())
			if err != nil {
				return err
			}
			for _, l := range live {
				info.Sessions = append(info.Sessions, sessionInfo{
					ID: l.Session.ID, User: l.User.Name, Lab: l.Session.Lab, Phase: l.Session.Phase, Cluster: l.Session.Cluster,
					Completed: l.Completed, CreatedAt: l.Session.CreatedAt, ActiveAt: l.Session.ActiveAt,
				})
			}
			if output.json() {
				err = printJSON(cmd.OutOrStdout(), info)
			} else {
				err = printStatus(cmd.OutOrStdout(), info, time.Now())
			}
			return errors.Join(err, info.trouble(&cfg))
		},
	}
	cfg.bindOperator(cmd)
	output.bind(cmd)
	return cmd
}

// trouble returns what the exit status has to tell.
func (i *statusInfo) trouble(c *config) error {
	switch {
	case i.Server == nil:
		return fmt.Errorf("no Wheelhouse runs on %s; start one with `%s` or `%s`, or choose another folder with --data", i.Data, c.command("learn"), c.command("serve"))
	case i.Server.Problem != "":
		return fmt.Errorf("labs cannot be opened: %s", i.Server.Problem)
	}
	return nil
}

func printStatus(w io.Writer, info statusInfo, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	if s := info.Server; s != nil {
		fmt.Fprintf(table, "Wheelhouse\t%s, %s, process %d, for %s\n", s.Version, s.Mode, s.PID, now.Sub(s.StartedAt).Round(time.Second))
		fmt.Fprintf(table, "Address\t%s\n", s.URL)
		c := s.Clusters
		limit := "no limit"
		if c.Max > 0 {
			limit = fmt.Sprintf("at most %d", c.Max)
		}
		fmt.Fprintf(table, "Clusters\t%d in use, %d ready, %d being made, %d being deleted; %s\n", c.Claimed, c.Warm, c.Creating, c.Deleting, limit)
		fmt.Fprintf(table, "In line\t%d\n", c.Waiting)
	}
	fmt.Fprintf(table, "Data\t%s\n", info.Data)
	fmt.Fprintf(table, "Labs open\t%d\n", len(info.Sessions))
	if err := table.Flush(); err != nil || len(info.Sessions) == 0 {
		return err
	}
	fmt.Fprintln(table, "\nUSER\tLAB\tPHASE\tSTEPS COMPLETE\tCLUSTER\tLAST ACTIVE")
	for _, session := range info.Sessions {
		cluster := session.Cluster
		if cluster == "" {
			cluster = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", session.User, session.Lab, session.Phase, session.Completed, cluster, ago(session.ActiveAt, now))
	}
	return table.Flush()
}

// ago says how long ago something was, to a minute.
func ago(at, now time.Time) string {
	if passed := now.Sub(at).Truncate(time.Minute); passed >= time.Minute {
		return passed.String()[:len(passed.String())-len("0s")] + " ago"
	}
	return "just now"
}
