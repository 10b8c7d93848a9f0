package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"gopkg.in/natefinch/lumberjack.v2"

	"wheelhouse/provisioner/command"
)

const (
	runcProgram = PackDir + "/node/usr/local/bin/runc"
	runcRoot    = "/run/runc"
	bundles     = "/run/bundles"
)

// container is a node or the workstation, which the outermost process runs.
type container struct {
	name string
	spec *specs.Spec

	// files, unless nil, returns what the first process is started with as descriptors
	// from 3 on; they are closed here once it has started.
	files func() ([]*os.File, error)
}

// keep runs the container and starts it again when it ends, until ctx does.
func (c container) keep(ctx context.Context, board *board, log *slog.Logger) error {
	return restart(ctx, c.name, board, log, func(ctx context.Context) error {
		if board.restarts(c.name) > 0 { // runc may still have the one that ended
			cleanup, cancel := context.WithTimeout(ctx, stopWithin)
			defer cancel()
			_ = exec.CommandContext(cleanup, runcProgram, "--root", runcRoot, "delete", "--force", c.name).Run()
		}
		return c.run(ctx)
	})
}

// run runs the container until it ends; when ctx does, it is asked to. What it prints
// goes through a pipe into a log of a limited size: a pod may write to its node's
// descriptors.
func (c container) run(ctx context.Context) error {
	bundle := filepath.Join(bundles, c.name)
	text, err := json.Marshal(c.spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(bundle, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
		return err
	}
	var files []*os.File
	if c.files != nil {
		if files, err = c.files(); err != nil {
			return err
		}
	}
	closeFiles := func() {
		for _, file := range files {
			file.Close()
		}
	}
	out := &lastLine{to: &lumberjack.Logger{Filename: filepath.Join(ClusterDir, "log", c.name+".log"), MaxSize: logSize, MaxBackups: 1}}
	defer out.to.Close()
	cmd := exec.CommandContext(ctx, runcProgram, "--root", runcRoot, "run", "--bundle", bundle, "--preserve-fds", fmt.Sprint(len(files)), c.name)
	cmd.ExtraFiles = files
	cmd.Stdout, cmd.Stderr = out, out // one pipe for both
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * stopWithin // its own parts get once
	if err := cmd.Start(); err != nil {
		closeFiles()
		return err
	}
	closeFiles()
	if err := cmd.Wait(); err != nil {
		return command.Failed("runc", err, []byte(out.text()))
	}
	return nil
}

// stopWithin is how long a component may take to end before it is killed.
const stopWithin = 10 * time.Second

// logSize bounds each of the two files that keep what a container prints.
const logSize = 1 // MB

// lastLine passes on what is written to it, and keeps the end. The disk of a cluster
// may be full: that the log cannot be written ends nothing.
type lastLine struct {
	to io.WriteCloser

	mu  sync.Mutex
	end []byte
}

func (l *lastLine) Write(p []byte) (int, error) {
	_, _ = l.to.Write(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 512 // bytes
	l.end = append(l.end, p...)
	if len(l.end) > most {
		l.end = bytes.Clone(l.end[len(l.end)-most:])
	}
	return len(p), nil
}

// text returns the last line.
func (l *lastLine) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(l.end)), "\n")
	return lines[len(lines)-1]
}
