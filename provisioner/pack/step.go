package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// A step makes one folder of the cache. Its key names everything that the folder
// is made of, so that a folder whose key is there is what the step would make.
type step struct {
	name  string // also of its folder and its log
	title string
	key   string
	make  func(ctx context.Context, dir string, log io.Writer) error
}

// hashKey makes a key of the inputs of a step, in order.
func hashKey(inputs ...string) string {
	hash := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(hash, "%d\n%s\n", len(input), input)
	}
	return hex.EncodeToString(hash.Sum(nil))[:32]
}

// folder is where the step's result lies.
func (s *step) folder(cache string) string {
	return filepath.Join(cache, "steps", s.name+"-"+s.key)
}

func (s *step) done(cache string) bool {
	_, err := os.Stat(s.folder(cache))
	return err == nil
}

// runSteps runs those whose folders are not there; fresh runs all. The cache's
// lock is held.
func runSteps(ctx context.Context, cache string, steps []*step, fresh bool, progress *progress) error {
	for _, s := range steps {
		if fresh {
			removeAll(s.folder(cache))
		}
		if s.done(cache) {
			progress.drop(s.name)
		}
	}
	for _, s := range steps {
		if s.done(cache) {
			continue
		}
		progress.start(s.name)
		if err := s.run(ctx, cache); err != nil {
			return err
		}
		progress.end(s.name)
	}
	return nil
}

// run makes the step's folder: beside its place, and renamed when complete. The
// cache's lock is held.
func (s *step) run(ctx context.Context, cache string) error {
	dir, err := os.MkdirTemp(filepath.Join(cache, "tmp"), s.name+"-")
	if err != nil {
		return err
	}
	defer removeAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	logFile := filepath.Join(cache, "logs", s.name+".log")
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := s.make(ctx, dir, log); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fmt.Fprintln(log, err)
		if known, ok := errors.AsType[*provisioner.Error](err); ok {
			return known
		}
		return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(
			"Making the pack stopped at: %s. The log is %s. Run the same command again when the cause is mended: what was finished is kept.", s.title, logFile)}
	}
	return os.Rename(dir, s.folder(cache))
}

// runLogged runs a program whose output goes to the log. It ends, with everything
// that it started, when ctx does or when this process dies. The error ends in
// what the program printed last.
func runLogged(ctx context.Context, log io.Writer, dir string, env []string, program string, args ...string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	fmt.Fprintf(log, "+ %s %s\n", program, strings.Join(args, " "))
	if err := command.Run(c); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}

// removeAll removes a folder, also where a folder in it may not be written.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

// FileDigest returns the SHA-256 of a file, as a manifest has it: sha256:HEX.
func FileDigest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
