package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
)

// newUserCommand looks after accounts, for whoever has the data folder.
func newUserCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Look after accounts: new passwords, names, instructors, removal",
		Long: `Look after the accounts of a data folder. The server may run meanwhile: what
someone has open ends within two seconds of a new password or the account's removal.`,
	}
	cmd.AddCommand(newUserListCommand(), newUserPasswordCommand(), newUserRenameCommand(), newUserInviteCommand(), newUserDeleteCommand())
	return cmd
}

// operate does something to accounts or classes of the data folder.
func (c *config) operate(ctx context.Context, do func(*labs.Operator) error) error {
	return c.withStores(ctx, "accounts", func(stores labs.Stores) error { return do(labs.NewOperator(stores)) })
}

// operateUser is operate for the account of a name.
func (c *config) operateUser(ctx context.Context, name string, do func(*labs.Operator, *labs.User) error) error {
	return c.operate(ctx, func(o *labs.Operator) error {
		user, err := o.User(ctx, name)
		if err != nil {
			return err
		}
		return do(o, user)
	})
}

// withStores opens the database of the data folder, where there is one; it should
// hold what.
func (c *config) withStores(ctx context.Context, what string, do func(labs.Stores) error) error {
	file := filepath.Join(c.Data, databaseFile)
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s holds no %s yet: there is no %s; choose another folder with --data", c.Data, what, databaseFile)
	}
	db, err := sqlite.Open(ctx, file)
	if err != nil {
		return err
	}
	return errors.Join(do(db.Stores()), db.Close())
}

// bindOperator adds the flags of commands about accounts and classes.
func (c *config) bindOperator(cmd *cobra.Command) {
	c.bindData(cmd)
	bindConfigFile(cmd.Flags())
}

type userInfo struct {
	Name      string    `json:"name"`
	Role      labs.Role `json:"role"`
	Classes   []string  `json:"classes"` // titles, of a student
	CreatedAt time.Time `json:"createdAt"`
}

func newUserListCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all accounts, with their classes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			users := []userInfo{}
			err := cfg.operate(cmd.Context(), func(o *labs.Operator) error {
				all, err := o.Users(cmd.Context())
				if err != nil {
					return err
				}
				for _, user := range all {
					classes, err := o.ClassesOf(cmd.Context(), &user)
					if err != nil {
						return err
					}
					info := userInfo{Name: user.Name, Role: user.Role, Classes: []string{}, CreatedAt: user.CreatedAt}
					for _, class := range classes {
						info.Classes = append(info.Classes, class.Title)
					}
					users = append(users, info)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), users)
			}
			return printUsers(cmd.OutOrStdout(), users)
		},
	}
	cfg.bindOperator(cmd)
	output.bind(cmd)
	return cmd
}

func printUsers(out io.Writer, users []userInfo) error {
	if len(users) == 0 {
		_, err := fmt.Fprintln(out, "There are no accounts yet.")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tCLASSES\tSINCE")
	for _, user := range users {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", user.Name, user.Role, strings.Join(user.Classes, ", "), user.CreatedAt.Local().Format(time.DateOnly))
	}
	return table.Flush()
}

func newUserPasswordCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "reset-password NAME",
		Short: "Give someone a new password, and end their log-ins",
		Long: `Draw a new password for an account and print it, once. All log-ins of the account
end. Its owner can change the password on the page.`,
		Example: "  wheelhouse user reset-password 'Ada Lovelace'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cfg.operateUser(cmd.Context(), args[0], func(o *labs.Operator, user *labs.User) error {
				password, err := o.ResetPassword(cmd.Context(), user)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "The new password of %s is\n\n  %s\n\nThey are logged out everywhere.\n", user.Name, password)
				return err
			})
		},
	}
	cfg.bindOperator(cmd)
	return cmd
}

func newUserRenameCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:     "rename NAME NEW-NAME",
		Short:   "Give someone another name, which they log in with from then on",
		Example: "  wheelhouse user rename 'Ada Byron' 'Ada Lovelace'",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cfg.operateUser(cmd.Context(), args[0], func(o *labs.Operator, user *labs.User) error {
				renamed, err := o.Rename(cmd.Context(), user, args[1])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is called %s now, and logs in with that.\n", user.Name, renamed.Name)
				return err
			})
		},
	}
	cfg.bindOperator(cmd)
	return cmd
}

func newUserInviteCommand() *cobra.Command {
	var cfg config
	var url string
	cmd := &cobra.Command{
		Use:   "invite-instructor",
		Short: "Print a one-time link with which another instructor makes their account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cfg.operate(cmd.Context(), func(o *labs.Operator) error {
				secret, err := o.Invite(cmd.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "With this link an instructor makes their account, once, within 24 hours:\n\n  %s/#bootstrap=%s\n",
					strings.TrimSuffix(url, "/"), secret)
				return err
			})
		},
	}
	cfg.bindOperator(cmd)
	cmd.Flags().StringVar(&url, "public-url", "http://127.0.0.1:8080", "the URL that browsers use")
	return cmd
}

func newUserDeleteCommand() *cobra.Command {
	var cfg config
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Remove an account and all that is stored of it",
		Long: `Remove an account with all that is stored of it: log-ins, sessions, results, points.
That cannot be undone. A lab that they have open is ended first, for which the server
has to run. An instructor who teaches a class is refused.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cfg.operateUser(cmd.Context(), args[0], func(o *labs.Operator, user *labs.User) error {
				open, err := o.Sessions(cmd.Context(), user.ID)
				if err != nil {
					return err
				}
				question := fmt.Sprintf("Remove the account %s (%s) and all that is stored of it?", user.Name, user.Role)
				if len(open) > 0 {
					question = fmt.Sprintf("%s has the lab %s open, which is ended first. %s", user.Name, open[0].Session.Lab, question)
				}
				if !yes && !confirmed(cmd.InOrStdin(), cmd.OutOrStdout(), question) {
					return errors.New("nothing was removed; --yes does it without a question")
				}
				if err := cfg.endSessions(cmd.Context(), open); err != nil {
					return err
				}
				if err := o.Delete(cmd.Context(), user); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is removed.\n", user.Name)
				return err
			})
		},
	}
	cfg.bindOperator(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// endSessions has the server that runs end sessions. Where none runs they stay.
func (c *config) endSessions(ctx context.Context, sessions []labs.LiveSession) error {
	if len(sessions) == 0 {
		return nil
	}
	server, _, err := c.server(ctx)
	if server == nil || err != nil {
		return err
	}
	for _, live := range sessions {
		if err := server.Close(ctx, live.Session.ID); err != nil {
			return fmt.Errorf("end the lab %s: %w", live.Session.Lab, err)
		}
	}
	return nil
}

// confirmed asks a question that is answered with yes or no.
func confirmed(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprintf(out, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
