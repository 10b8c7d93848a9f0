package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"wheelhouse/labs/sqlite"
)

// newBackupCommand copies the database of a server that may be running.
func newBackupCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database, also while the server runs",
		Long: `Copy the database into one file, also while the server runs: accounts, classes,
progress, results. FILE is complete, or as it was.

To restore it, stop the server, put FILE in the place of wheelhouse.db in the data
folder, remove wheelhouse.db-wal and wheelhouse.db-shm there, and start the server.
Clusters are not in it: a session whose cluster is gone says so, and is opened anew.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := sqlite.Backup(cmd.Context(), filepath.Join(cfg.Data, databaseFile), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The database is copied to %s, %d KB.\n", args[0], size>>10)
			return err
		},
	}
	cfg.bindData(cmd)
	bindConfigFile(cmd.Flags())
	return cmd
}
