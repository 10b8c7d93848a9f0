// Command wheelhouse-machine is the first process of an embedded cluster and of
// each of its nodes. Package embedded starts it; nobody else has to.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"wheelhouse/provisioner/embedded/machine"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		status, err := machine.Init(os.Args[2:])
		if err != nil {
			fail(err)
		}
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fail(err)
	}
}

func run(ctx context.Context, args []string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	switch {
	case len(args) == 1 && args[0] == "cluster":
		return machine.RunCluster(ctx, log)
	case len(args) == 1 && args[0] == "attach":
		return machine.Attach(os.Stdin)
	case len(args) == 1 && args[0] == "trial-node":
		return machine.TrialNode(os.Stdin, os.Stdout)
	case len(args) == 2 && args[0] == "node":
		return machine.RunNode(ctx, args[1], log)
	}
	return errors.New("usage: wheelhouse-machine init PROGRAM… | cluster | attach | node NAME | trial-node")
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "wheelhouse-machine:", err)
	os.Exit(1)
}
