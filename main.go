// Command wheelhouse is a training lab for Kubernetes: a web server that gives
// every student a real cluster, a terminal onto it, and steps that tick by
// themselves. Package main is the only place that knows all rooms; each
// subcommand has a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"wheelhouse/labs"
	"wheelhouse/provisioner"
)

// version is set by the linker: make build VERSION=…
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	if err != nil && !errors.Is(err, errReported) {
		fmt.Fprintln(os.Stderr, "wheelhouse:", sentence(err))
	}
	if err != nil {
		os.Exit(1)
	}
}

// sentence is an error for people: what happened and the next step first, then,
// where there is more to know, the cause.
func sentence(err error) string {
	var message string
	var cause error
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		message, cause = known.Message, known.Err
	} else if known, ok := errors.AsType[*labs.Error](err); ok {
		message, cause = known.Message, known.Err
	} else {
		return err.Error()
	}
	if cause == nil {
		return message
	}
	return message + "\n  cause: " + cause.Error()
}

// errReported ends a command with exit status 1 when it has already said why.
var errReported = errors.New("already reported")

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "wheelhouse",
		Short: "A training lab for Kubernetes: real clusters, in the browser, graded live",
		Long: `Wheelhouse teaches Kubernetes on real clusters.

  wheelhouse learn    for one learner on this machine, no password
  wheelhouse serve    for a class: accounts, an instructor's view

Every flag can also be set in the environment: --node-image is
WHEELHOUSE_NODE_IMAGE. A flag wins over the environment. The commands that look
after a machine's service (serve, doctor, cluster, pack and others with --config)
then read /etc/wheelhouse/wheelhouse.conf, when root runs them.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(applyEnvironment(cmd.Flags(), os.LookupEnv), readSettings(cmd))
		},
	}
	root.AddCommand(newLearnCommand(), newServeCommand(), newLabCommand(), newClusterCommand(),
		newStatusCommand(), newUserCommand(), newClassCommand(), newPackCommand(), newBackupCommand(), newDoctorCommand(), newSBOMCommand(), newManualCommand(), newVersionCommand())
	explainUsage(root)
	return root
}
