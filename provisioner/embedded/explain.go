package embedded

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/pack"
)

// explain makes an error that a person can act on of one with which a cluster could
// not be made, or started: done is which.
func explain(err error, done string) error {
	if provisioner.ReasonOf(err) != "" {
		return err
	}
	could := "The cluster could not be " + done
	message := could + ". Run `wheelhouse doctor`, which says what this machine is short of; the log has the details."
	broken, _ := errors.AsType[*brokenError](err)
	switch {
	case broken != nil && causes[broken.cause] != "":
		message = could + ": " + causes[broken.cause]
	case broken != nil:
		message = could + ", because a part of it does not stay up: " + broken.part + ". The log has its last lines."
	case errors.Is(err, syscall.ENOSPC):
		message = could + ": " + causes[machine.NoSpace]
	case errors.Is(err, syscall.ENOMEM):
		message = could + ": " + causes[machine.NoMemory]
	case errors.Is(err, errDied):
		message = "The cluster's first process ended while it was being " + done + ". The log has the details."
	}
	return &provisioner.Error{Reason: provisioner.CreateFailed, Message: message, Err: err}
}

// Usable returns nil where clusters can be made: as far as that can be told
// without making one. Otherwise it returns an *Error that says what is missing.
func (p *Provider) Usable() error {
	if err := checkHost(); err != nil {
		return err
	}
	_, err := p.options.Pack()
	return err
}

// checkHost refuses what cannot work here, before anything is made.
func checkHost() error {
	if os.Geteuid() != 0 {
		return &provisioner.Error{Reason: provisioner.NoEngine, Message: "Clusters without a container engine need root for now. " +
			"Start Wheelhouse as root (sudo), or use Docker with --provider kind."}
	}
	// There is no cluster that is not kept apart from this machine.
	for _, finding := range []host.Finding{checkNamespaces(), checkKernel(), checkCgroups(), checkDisks(), host.CheckInstances()} {
		if finding.Status == host.Failure {
			return &provisioner.Error{Reason: provisioner.NoEngine, Message: finding.Message + " " + finding.Next}
		}
	}
	return nil
}

// imagesOf tells a cluster of the pack's images, and of those that components are
// configured with.
func imagesOf(p *pack.Pack) machine.Images {
	var images machine.Images
	for _, image := range p.Manifest().Images {
		images.Known = append(images.Known, machine.Image{Ref: image.Ref, Digest: image.Digest})
		if tag, ok := strings.CutPrefix(image.Ref, "registry.k8s.io/coredns/coredns:"); ok {
			images.DNSTag = tag
		}
		if strings.HasPrefix(image.Ref, "registry.k8s.io/pause:") {
			images.Sandbox = image.Ref
		}
	}
	return images
}
