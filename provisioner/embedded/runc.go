package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/pack"
)

// runc runs the pack's runc on the host. It keeps its state in the
// run folder, so it is gone after a reboot together with the containers.
type runc struct {
	program string
	root    string
	systemd bool // it has systemd make the control groups
}

func (p *Provider) runc(r record) runc {
	return runc{program: p.hostProgram(r.Runc), root: filepath.Join(p.options.RunDir, "runc"), systemd: thisMachine().systemd}
}

// hostProgram is where the runc with the digest lies, which root runs: in the run
// folder, which no cluster sees. It is gone after a reboot, as what it ran is.
func (p *Provider) hostProgram(digest string) string {
	return filepath.Join(p.options.RunDir, "bin", strings.TrimPrefix(digest, "sha256:"), pack.HostRunc)
}

// installRunc copies the pack's runc to where root runs it, unless it is there, and
// returns its digest. What lies there has the digest that the manifest names, or the
// error says that the pack is damaged.
func (p *Provider) installRunc(from *pack.Pack) (string, error) {
	source, digest, err := from.Program(pack.HostRunc)
	if err != nil {
		return "", err
	}
	target := p.hostProgram(digest)
	if got, err := pack.FileDigest(target); err == nil && got == digest {
		return digest, nil
	}
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if got := digestOf(text); got != digest {
		return "", &provisioner.Error{Reason: provisioner.NoPack, Err: fmt.Errorf("%s has the digest %s and should have %s", source, got, digest),
			Message: "The runtime pack's runc is not the one that its manifest names, so it is not run. `wheelhouse pack verify` names every file that differs; `wheelhouse pack build --fresh` makes the pack anew."}
	}
	file, err := os.CreateTemp(dir, ".runc-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) // gone already where all went well
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o500), file.Close()); err != nil {
		return "", err
	}
	return digest, os.Rename(file.Name(), target)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// command prepares a command of runc's. It is not ended by what ends this
// process's terminal.
func (r runc) command(ctx context.Context, args ...string) *exec.Cmd {
	options := []string{"--root", r.root}
	if r.systemd {
		options = append(options, "--systemd-cgroup") // create keeps it for later commands
	}
	cmd := exec.CommandContext(ctx, r.program, append(options, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// run returns what a command prints; its error is a *command.Error.
func (r runc) run(ctx context.Context, args ...string) ([]byte, error) {
	return command.Output(r.command(ctx, args...))
}

// create makes the container with its namespaces, and returns its first process,
// which waits for start. The process prints to log and has files as descriptors
// from 3 on.
func (r runc) create(ctx context.Context, name, bundle string, log *os.File, files []*os.File) (int, error) {
	pidFile := filepath.Join(bundle, "pid")
	cmd := r.command(ctx, "create", "--bundle", bundle, "--pid-file", pidFile, "--preserve-fds", fmt.Sprint(len(files)), name)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, files
	if err := cmd.Run(); err != nil {
		return 0, command.Failed("runc create "+name, err, logTail(log.Name()))
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		return 0, fmt.Errorf("read %s: %w", pidFile, err)
	}
	return pid, nil
}

func (r runc) start(ctx context.Context, name string) error {
	_, err := r.run(ctx, "start", name)
	return err
}

// delete kills the container and removes it with its control groups. It blocks
// until the last of its processes is gone, or ctx ends. One that is not there is
// no error.
func (r runc) delete(ctx context.Context, name string) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(r.root, name)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		// runc does not wait for the processes below the first one, and as long as one
		// is there its control group cannot be removed. Nor does it remove groups that
		// lie deeper than a path is long. What cannot be removed yet is frozen, or ends.
		for _, folder := range thisMachine().folders(name) {
			_ = removeGroupsBelow(folder)
		}
		_, err := r.run(ctx, "delete", "--force", name)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// state returns what runc knows of the container.
func (r runc) state(ctx context.Context, name string) (*specs.State, error) {
	out, err := r.run(ctx, "state", name)
	if err != nil {
		return nil, err
	}
	var state specs.State
	if err := json.Unmarshal(out, &state); err != nil {
		return nil, fmt.Errorf("read what runc says: %w", err)
	}
	return &state, nil
}

// logTail returns the end of a log, or nothing where there is none.
func logTail(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > 4096 {
		_, _ = file.Seek(-4096, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(file, 4096))
	return text
}
