package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// newManualCommand writes the manual pages, which the packages bring. It is hidden,
// because everything in them is said by --help.
func newManualCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "manual DIR",
		Short:  "Write the manual pages, one for each command, into a folder",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			date := time.Unix(0, 0)
			if epoch, ok := os.LookupEnv("SOURCE_DATE_EPOCH"); ok { // reproducible-builds.org/specs/source-date-epoch
				seconds, err := strconv.ParseInt(epoch, 10, 64)
				if err != nil {
					return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
				}
				date = time.Unix(seconds, 0)
			}
			date = date.UTC()
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			hideHome(root)
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Date: &date, Source: "wheelhouse " + version, Manual: "Wheelhouse"}, args[0])
		},
	}
}

// hideHome writes the folders of whoever makes the pages as "~" in the defaults of
// flags.
func hideHome(cmd *cobra.Command) {
	home, err := os.UserHomeDir()
	hide := func(flag *pflag.Flag) {
		if inside, ok := strings.CutPrefix(flag.DefValue, home+string(filepath.Separator)); err == nil && ok {
			flag.DefValue = filepath.Join("~", inside)
		}
	}
	cmd.LocalFlags().VisitAll(hide)
	cmd.PersistentFlags().VisitAll(hide)
	for _, child := range cmd.Commands() {
		hideHome(child)
	}
}
