// Command intro is the small web application that the labs deploy. It shows its
// version, its host name and what its environment says about the person who
// deployed it, so that a student sees in the browser what a change in the cluster
// did. It can be told to be unhealthy and to use up CPU and memory.
//
// It knows nothing of Wheelhouse and needs nothing but its own binary, which is
// all that its image holds.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wheelhouse/content/intro/app"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "intro:", err)
		os.Exit(1)
	}
}

// run serves, or answers "show FIELD", which asks the server that runs in the same
// container. The image has no shell and no curl, so this is how one looks inside.
func run(args []string) error {
	config := app.ConfigFrom(os.Environ())
	switch {
	case len(args) == 0:
		return serve(config)
	case len(args) == 2 && args[0] == "show":
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		return app.Show(ctx, os.Stdout, "http://127.0.0.1:"+config.Port, args[1])
	}
	return fmt.Errorf("usage: intro, or intro show version|host|who|likes|visits")
}

// serve blocks until a signal ends it. As the first process of a container it
// would ignore SIGTERM if it did not ask for it, and a deleted pod would linger for
// its whole grace period.
func serve(config app.Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	application, err := app.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":"+config.Port)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	server := &http.Server{Handler: application, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("intro %s on %s listens on port %s\n", config.Version, config.Host, config.Port)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	fmt.Println("asked to stop: finishing what is under way")
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
