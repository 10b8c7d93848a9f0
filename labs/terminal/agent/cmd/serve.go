package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"wheelhouse/labs/terminal/agent"
)

// serve runs the agent until SIGTERM or SIGINT.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	socket := flags.String("socket", "", "the Unix socket to listen on")
	fd := flags.Uint("socket-fd", 0, "the descriptor of a socket that listens already")
	user := flags.String("user", "", "whose shells and files")
	idle := flags.Duration("idle", 0, "how long a shell without a viewer lives; 0 is for ever")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if (*socket == "") == (*fd == 0) || *user == "" || flags.NArg() > 0 {
		return errors.New("serve needs --socket or --socket-fd, and --user, and nothing else\n" + usage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGHUP)

	keepFilesToItself()
	reserveThreads()
	listener, err := listenOn(*socket, *fd)
	if err != nil {
		return err
	}
	return agent.Serve(ctx, listener, agent.Options{
		User:   *user,
		Skel:   "/etc/skel",
		Init:   os.Getpid() == 1,
		Idle:   *idle,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}

// listenOn returns the listener of the descriptor fd, unless that is 0, or of a new
// socket at path.
func listenOn(path string, fd uint) (net.Listener, error) {
	if fd == 0 {
		return listen(path)
	}
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close() // FileListener has a copy
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listen on descriptor %d: %w", fd, err)
	}
	return listener, nil
}

// listen listens on a socket that only the agent's own user can open. One that
// an earlier run of the container left behind is replaced.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if stat, err := os.Lstat(path); err == nil && stat.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// keepFilesToItself sees to it that no file which the container engine left open
// is passed on to a shell.
func keepFilesToItself() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
