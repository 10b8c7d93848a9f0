package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// LocalNodeImage is the repository of node images that Wheelhouse makes. Where the
// engine has one, clusters are made from it.
const LocalNodeImage = "wheelhouse/node"

// nodeImage returns the reference of the image that nodes are made from, and
// whether it is on the engine already.
func (p *Provider) nodeImage(ctx context.Context, e *engine) (ref string, here bool, err error) {
	if p.options.Image != "" {
		ref = p.options.Image
	} else {
		// The engine lists the newest first.
		local, err := e.lines(ctx, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+LocalNodeImage)
		if err != nil {
			return "", false, err
		}
		for _, l := range local {
			// Podman says localhost/wheelhouse/node.
			if l = strings.TrimPrefix(l, "localhost/"); strings.HasPrefix(l, LocalNodeImage+":v") {
				return l, true, nil
			}
		}
		ref = defaults.Image
	}
	_, err = e.imageID(ctx, ref)
	if gone(err) {
		return ref, false, nil
	}
	return ref, err == nil, err
}

// imageID returns the digest of an image's configuration: gone(err) where the
// image is not on the engine.
func (e *engine) imageID(ctx context.Context, ref string) (string, error) {
	return e.run(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
}

// pullNodeImage downloads the node image unless another creation has done so
// meanwhile.
func (p *Provider) pullNodeImage(ctx context.Context, e *engine, ref string, t *provisioner.Tracker) error {
	p.images.Lock()
	defer p.images.Unlock()
	t.Start(phaseNodeImage)
	if _, err := e.imageID(ctx, ref); err == nil {
		t.End(phaseNodeImage)
		return nil
	}
	name, _, _ := strings.Cut(ref, "@")
	p.log.Info("downloading the node image", "image", name)
	_, err := e.pipe(ctx, nil, &layers{report: func(done, all int) {
		t.Retitle(phaseNodeImage, fmt.Sprintf("%s: %d of %d layers", phaseTitles[phaseNodeImage], done, all))
	}}, "pull", ref)
	if err != nil {
		if engineTrouble := explain(err, "pull"); ctx.Err() != nil || engineTrouble.Reason == provisioner.NoEngine {
			return err
		}
		if failed, ok := errors.AsType[*command.Error](err); ok && strings.Contains(failed.Output, "no space left") {
			return err
		}
		return &provisioner.Error{Reason: provisioner.NoImage, Err: err, Message: fmt.Sprintf(
			"The node image %s is not on this machine and could not be downloaded. Check the network, load the image from a file (%s load -i FILE), or make one with `wheelhouse pack node-image`; then try again.",
			name, e.name)}
	}
	t.End(phaseNodeImage)
	return nil
}

// layers counts what Docker prints while it pulls; Podman tells less.
type layers struct {
	report    func(done, all int)
	rest      []byte
	done, all int
}

func (l *layers) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.rest = rest
		switch {
		case bytes.Contains(line, []byte("Pulling fs layer")):
			l.all++
		case bytes.Contains(line, []byte("Pull complete")):
			l.done++
		default:
			continue
		}
		l.report(min(l.done, l.all), l.all)
	}
}
