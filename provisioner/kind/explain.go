package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/exec"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// trouble is something that is known to go wrong with engines and kind.
type trouble struct {
	words   []string // any of them in the lower-case output tells it
	reason  provisioner.Reason
	message string // a sentence on what happened, and one on what to do
}

// troubles are looked through in this order: what is more special comes first.
var troubles = []trouble{{
	words:  []string{"permission denied while trying to connect", "dial unix /var/run/docker.sock: connect: permission denied"},
	reason: provisioner.NoEngine,
	message: "This user may not use the container engine. Add them to the group docker (sudo usermod -aG docker $USER), " +
		"log in again and try once more.",
}, {
	words: []string{"cannot connect to the docker daemon", "is the docker daemon running", "cannot connect to podman",
		"error during connect", "cannot access containerd socket", "failed to connect to the docker api",
		"docker daemon is not running", errSilent.Error()},
	reason:  provisioner.NoEngine,
	message: "The container engine does not answer. Start it (Docker Desktop, or sudo systemctl start docker) and try again.",
}, {
	words:  []string{"no space left on device", "disk quota exceeded"},
	reason: provisioner.CreateFailed,
	message: "The container engine's disk is full. Free some space (docker system df shows what takes it, docker system prune " +
		"removes what is not used) and try again.",
}, {
	words:  []string{"too many open files", "inotify_init", "inotify watches"},
	reason: provisioner.CreateFailed,
	message: "The machine is out of inotify watches or open files. Raise the limits (sudo sysctl fs.inotify.max_user_watches=524288 " +
		"fs.inotify.max_user_instances=512) and try again.",
}, {
	words:   []string{"cannot allocate memory", "out of memory", "oom-kill"},
	reason:  provisioner.CreateFailed,
	message: "The container engine's machine is out of memory. End clusters that are not needed, or give the engine more memory, and try again.",
}, {
	words:   []string{"port is already allocated", "address already in use", "ports are not available"},
	reason:  provisioner.CreateFailed,
	message: "Another program took the port that was meant for the cluster. Try again: the next try uses another port.",
}, {
	words:   []string{"pull access denied", "failed to pull image", "manifest unknown", "unable to find image", "pull rate limit"},
	reason:  provisioner.NoImage,
	message: "The image of the clusters' nodes is not on this machine and could not be downloaded. Check the network and the image's name, and try again.",
}, {
	words:   []string{"running kind with rootless provider requires"},
	reason:  provisioner.NoEngine,
	message: "This rootless container engine cannot run clusters yet. See https://kind.sigs.k8s.io/docs/user/rootless/ for what it needs.",
}, {
	words:  []string{"could not find a log line that matches", "reached target .*multi-user"},
	reason: provisioner.CreateFailed,
	message: "A node's container started, but the system inside it did not come up. Look at `wheelhouse doctor`, which checks the " +
		"usual causes (inotify limits, cgroups, memory), and try again.",
}}

// explain turns an error of the engine or of kind, met while doing something,
// into an Error for people.
func explain(err error, doing string) *provisioner.Error {
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		return known
	}
	said := strings.ToLower(output(err) + "\n" + err.Error())
	err = fmt.Errorf("%s: %w", doing, withOutput(err))
	for _, t := range troubles {
		if containsAny(said, t.words...) {
			return &provisioner.Error{Reason: t.reason, Message: t.message, Err: err}
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &provisioner.Error{Reason: provisioner.TimedOut, Err: err,
			Message: "The cluster was not ready within its time limit. Close what else is busy on this machine, or raise the limit, and try again."}
	}
	return &provisioner.Error{Reason: provisioner.CreateFailed, Err: err,
		Message: "The cluster could not be made. The log says which command failed and what it printed; `wheelhouse doctor` checks the usual causes."}
}

// explain is the function explain, and forgets an engine that does not answer.
func (p *Provider) explain(err error, doing string) error {
	if err == nil {
		return nil
	}
	explained := explain(err, doing)
	if explained.Reason == provisioner.NoEngine {
		p.forgetEngine()
	}
	return explained
}

// withOutput adds what a command of kind's printed, which kind leaves out of its errors.
func withOutput(err error) error {
	failed, ok := errors.AsType[*exec.RunError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%w: %s", err, cmp.Or(command.LastLines(string(failed.Output)), "it printed nothing"))
}

// output returns what the commands in err's chain printed, of ours and of kind's.
func output(err error) string {
	var said strings.Builder
	if failed, ok := errors.AsType[*command.Error](err); ok {
		said.WriteString(failed.Output)
	}
	if failed, ok := errors.AsType[*exec.RunError](err); ok {
		said.Write(failed.Output)
	}
	return said.String()
}
