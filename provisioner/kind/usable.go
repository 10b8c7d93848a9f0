package kind

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wheelhouse/provisioner"
)

// Usable returns nil where clusters can be made: an engine answers, and has the
// node image or can download it. Otherwise it returns an *Error that says what is
// missing. It blocks for as long as the engine takes, and some seconds for a
// registry.
func (p *Provider) Usable(ctx context.Context) error {
	e, err := p.findEngine(ctx)
	if err != nil {
		return err
	}
	ref, here, err := p.nodeImage(ctx, e)
	if err != nil {
		return p.explain(err, "look for the node image")
	}
	if here {
		return nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, registryWithin, errors.New("the registry did not answer in time"))
	defer cancel()
	if _, err := e.run(limited, "manifest", "inspect", ref); err != nil {
		return &provisioner.Error{Reason: provisioner.NoImage, Err: err, Message: fmt.Sprintf(
			"%s answers, but the node image %s is not on this machine and cannot be downloaded: connect to a network, or load it from a file (%s load -i FILE).", e.name, ref, e.name)}
	}
	return nil
}

// registryWithin is how long a registry may take to say whether it has an image.
const registryWithin = 10 * time.Second
