package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"wheelhouse/provisioner"
)

// ImportedImage is an image that Import makes of a root file system.
type ImportedImage struct {
	Ref        string
	Entrypoint []string
	Env        string // NAME=VALUE
}

// Import has the engine called runtime, or the first that answers, make an image
// of the tar archive that write writes. When write fails there is no image, or the
// one that had the name before; else that one goes, with the workstations' images
// that were built on it, unless a cluster uses them. Errors that a person can act on
// are *provisioner.Error.
func Import(ctx context.Context, runtime string, image ImportedImage, write func(context.Context, io.Writer) error) error {
	e, err := detect(ctx, runtime)
	if err != nil {
		return err
	}
	if e.name == "nerdctl" {
		return &provisioner.Error{Reason: provisioner.NoEngine, Message: "nerdctl cannot make an image of a root file system. " +
			"Use docker or podman (--engine), and move the image with `docker save` and `nerdctl load`."}
	}
	before, err := e.imageID(ctx, image.Ref)
	if err != nil && !gone(err) {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(ctx, writer)
		// Without the end of an archive the engine takes it for whole: it is ended first.
		if err != nil {
			cancel(err)
		}
		writer.CloseWithError(err)
		written <- err
	}()
	_, err = e.pipe(ctx, reader, nil, "import",
		"--change", `ENTRYPOINT ["`+strings.Join(image.Entrypoint, `", "`)+`"]`, "--change", "ENV "+image.Env,
		"-", image.Ref)
	ended := errors.New("the engine has ended")
	reader.CloseWithError(ended)
	if failed := <-written; failed != nil && !errors.Is(failed, ended) {
		return failed
	}
	if err != nil {
		return fmt.Errorf("give the image to %s: %w", e.name, err)
	}
	if after, err := e.imageID(ctx, image.Ref); err == nil && before != "" && before != after {
		e.dropNodeImage(ctx, before)
	}
	return nil
}

// dropNodeImage removes an image that no name leads to any more, and what was built
// on it. The engine refuses what a container or a name still uses.
func (e *engine) dropNodeImage(ctx context.Context, id string) {
	built, err := e.lines(ctx, "image", "ls", "--quiet", "--filter", "label="+labelNodeImage+"="+id)
	if err != nil {
		return
	}
	for _, image := range append(built, id) {
		_, _ = e.run(ctx, "image", "rm", image)
	}
}
