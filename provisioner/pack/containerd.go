package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"wheelhouse/provisioner/command"
)

// containerdConfig is for a containerd that imports images and does nothing
// else.
const containerdConfig = `version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.restart", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = %q
[ttrpc]
  address = %q
`

// socketRoom is how long the path of a folder may be for containerd's sockets in
// it: the kernel takes 107 bytes for a whole path.
const socketRoom = 80

// Labels of images that containerd's CRI plugin sets on those that it pulled.
const (
	labelManaged = "io.cri-containerd.image=managed"
	labelPinned  = "io.cri-containerd.pinned=pinned" // never removed to make room
)

// unpackImages makes in dir what containerd keeps once all archives in images
// have been imported and unpacked. programs holds containerd and ctr. The
// layers' archives are not kept: what a container runs on is unpacked.
func unpackImages(ctx context.Context, dir, programs, images string, list []Image, log io.Writer) (err error) {
	work := filepath.Join(dir, "work") // goes with dir, should this process be killed
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	if len(work) > socketRoom {
		removeAll(work)
		if work, err = os.MkdirTemp("", "wheelhouse-containerd-"); err != nil {
			return err
		}
	}
	defer removeAll(work)
	root := filepath.Join(dir, Containerd)
	socket := filepath.Join(work, "containerd.sock")
	config := filepath.Join(work, "config.toml")
	text := fmt.Sprintf(containerdConfig, root, filepath.Join(work, "state"), socket, filepath.Join(work, "ttrpc.sock"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop, err := startContainerd(ctx, cancel, filepath.Join(programs, "containerd"), config, log)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, stop()); err == nil {
			err = forgetContainerd(root)
		}
	}()

	c := ctr{program: filepath.Join(programs, "ctr"), socket: socket, log: log}
	if err := c.wait(ctx); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(images, "*.tar"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if _, err := c.run(ctx, "images", "import", "--local", "--discard-unpacked-layers", "--snapshotter", "overlayfs", archive); err != nil {
			return err
		}
	}
	for _, image := range list {
		if err := c.manage(ctx, image); err != nil {
			return err
		}
	}
	_, err = c.run(ctx, "content", "prune", "references")
	return err
}

// forgetContainerd removes what containerd keeps of itself: every cluster's is
// another.
func forgetContainerd(root string) error {
	return os.RemoveAll(filepath.Join(root, "io.containerd.grpc.v1.introspection"))
}

// startContainerd starts containerd with mounts of its own, so that none stays
// behind. stop ends it and waits; cancel is called when it ends by itself.
func startContainerd(ctx context.Context, cancel context.CancelCauseFunc, program, config string, log io.Writer) (stop func() error, err error) {
	c := exec.Command(program, "--config", config)
	said := &command.Tail{}
	out := io.MultiWriter(log, said)
	c.Stdout, c.Stderr = out, out // one pipe for both
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
	started := make(chan error)
	ended := make(chan error, 1)
	go startBound(c, started, ended)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start containerd: %w", err)
	}
	stopping := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		select {
		case err := <-ended:
			if err == nil {
				err = errors.New("it ended by itself")
			}
			err = command.Failed("containerd", err, said.Bytes())
			cancel(err)
			done <- err
			return
		case <-ctx.Done():
		case <-stopping:
		}
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			done <- err
		case <-time.After(20 * time.Second):
			_ = c.Process.Kill()
			done <- errors.Join(errors.New("containerd did not end when asked to"), <-ended)
		}
	}()
	return func() error {
		close(stopping)
		if err := <-done; err != nil {
			return fmt.Errorf("containerd: %w", err)
		}
		return nil
	}, nil
}

// ctr is containerd's own client, for one containerd.
type ctr struct {
	program, socket string
	log             io.Writer
}

// run calls ctr in the namespace of Kubernetes.
func (c *ctr) run(ctx context.Context, args ...string) (string, error) {
	fmt.Fprintln(c.log, "+ ctr", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, c.program, append([]string{"--address", c.socket, "--namespace", "k8s.io"}, args...)...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	out, err := command.Output(cmd)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", err
	}
	return string(out), nil
}

// wait waits until containerd answers.
func (c *ctr) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("containerd did not answer within a minute"))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if isThere(c.socket) {
			_, err := c.run(ctx, "version")
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// manage makes an image one that the CRI plugin takes for its own without more
// ado: known by the digest of its configuration too, and labelled.
func (c *ctr) manage(ctx context.Context, image Image) error {
	labels := []string{labelManaged}
	if image.Ref == PauseImage {
		labels = append(labels, labelPinned)
	}
	id, err := c.id(ctx, image)
	if err != nil {
		return err
	}
	if _, err := c.run(ctx, "images", "tag", "--local", "--force", "--skip-reference-check", image.Ref, id); err != nil {
		return err
	}
	for _, name := range []string{image.Ref, id} {
		if _, err := c.run(ctx, slices.Concat([]string{"images", "label", name}, labels)...); err != nil {
			return err
		}
	}
	return nil
}

// id returns the digest of an image's configuration, which the CRI knows it by.
func (c *ctr) id(ctx context.Context, image Image) (string, error) {
	manifest, err := c.run(ctx, "content", "get", image.Digest)
	if err != nil {
		return "", err
	}
	var content struct {
		Config struct {
			Digest string `json:"digest"`
		} `json:"config"`
	}
	if err := json.Unmarshal([]byte(manifest), &content); err != nil || content.Config.Digest == "" {
		return "", errors.Join(fmt.Errorf("the manifest of %s names no configuration", image.Ref), err)
	}
	return content.Config.Digest, nil
}
