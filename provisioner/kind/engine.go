package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// engine is a container engine, used by its command line as kind does it, so
// that whatever is set up for it (contexts, hosts, proxies) holds for both.
type engine struct {
	name string // "docker", "podman" or "nerdctl"
	info info
}

// runtimes are the engines that kind can drive, best first.
var runtimes = []string{"docker", "podman", "nerdctl"}

// answerWithin is how long an engine may take to say who it is. One that takes
// longer hangs, or is still starting.
const answerWithin = 15 * time.Second

// info is what is asked of an engine about itself and its machine.
type info struct {
	Version  string
	Host     string // name of its machine
	System   string // what runs there: "Docker Desktop", "Debian GNU/Linux 12 (bookworm)"
	Root     string // where it keeps its files, on its machine
	CgroupV2 bool
	Rootless bool
	Userns   bool // containers' root is another user of the machine
	Memory   int64
	CPUs     int
}

// detect returns the engine of that name or, for "", the first that answers. Its
// error is an Error with the reason NoEngine.
func detect(ctx context.Context, runtime string) (*engine, error) {
	candidates := runtimes
	if runtime != "" {
		candidates = []string{runtime}
	}
	var trouble error
	for _, name := range candidates {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		e := &engine{name: name}
		err := e.ask(ctx)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if trouble == nil {
			trouble = err
		}
	}
	switch {
	case trouble != nil:
		return nil, explain(trouble, "ask the container engine who it is")
	case runtime != "":
		return nil, &provisioner.Error{Reason: provisioner.NoEngine, Message: fmt.Sprintf(
			"There is no %s command on this machine. Install it, or choose another container engine.", runtime)}
	default:
		return nil, &provisioner.Error{Reason: provisioner.NoEngine, Message: "No container engine was found on this machine. " +
			"Install Docker (https://docs.docker.com/get-docker/) or Podman, start it and try again."}
	}
}

// ask fills in e.info.
func (e *engine) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, errSilent)
	defer cancel()
	switch e.name {
	case "docker", "nerdctl":
		return e.askDocker(ctx)
	case "podman":
		return e.askPodman(ctx)
	}
	return fmt.Errorf("unknown container engine %q: choose docker, podman or nerdctl", e.name)
}

var errSilent = errors.New("it did not answer in time")

func (e *engine) askDocker(ctx context.Context) error {
	out, err := e.run(ctx, "info", "--format", "{{json .}}")
	if err != nil {
		// Even then it prints the whole document, with nothing in it.
		if failed, ok := errors.AsType[*command.Error](err); ok {
			failed.Output = strings.Replace(failed.Output, out, "", 1)
		}
		return err
	}
	var said struct {
		ServerVersion   string
		Name            string
		OperatingSystem string
		DockerRootDir   string
		CgroupVersion   string
		SecurityOptions []string
		MemTotal        int64
		NCPU            int
		ServerErrors    []string
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		// Podman's own docker command answers with a document of another shape.
		return fmt.Errorf("`%s info` says nothing that Docker would say: %w", e.name, err)
	}
	if len(said.ServerErrors) > 0 {
		return command.Failed(e.name+" info", errors.New("no answer"), []byte(strings.Join(said.ServerErrors, "\n")))
	}
	options := strings.Join(said.SecurityOptions, ",")
	e.info = info{
		Version: said.ServerVersion, Host: said.Name, System: said.OperatingSystem, Root: said.DockerRootDir,
		CgroupV2: said.CgroupVersion == "2",
		Rootless: strings.Contains(options, "name=rootless"),
		Userns:   strings.Contains(options, "name=userns"),
		Memory:   said.MemTotal, CPUs: said.NCPU,
	}
	if e.info.Version == "" {
		return fmt.Errorf("`%s info` names no version of a server", e.name)
	}
	return nil
}

func (e *engine) askPodman(ctx context.Context) error {
	out, err := e.run(ctx, "info", "--format", "json")
	if err != nil {
		return err
	}
	var said struct {
		Host struct {
			Hostname      string
			CgroupVersion string
			MemTotal      int64
			CPUs          int
			Distribution  struct{ Distribution, Version string }
			Security      struct{ Rootless bool }
		}
		Store   struct{ GraphRoot string }
		Version struct{ Version string }
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return fmt.Errorf("read what `podman info` says: %w", err)
	}
	e.info = info{
		Version: said.Version.Version, Host: said.Host.Hostname, Root: said.Store.GraphRoot,
		System:   strings.TrimSpace(said.Host.Distribution.Distribution + " " + said.Host.Distribution.Version),
		CgroupV2: said.Host.CgroupVersion == "v2",
		Rootless: said.Host.Security.Rootless,
		Memory:   said.Host.MemTotal, CPUs: said.Host.CPUs,
	}
	return nil
}

// kind returns kind's own provider on this engine.
func (e *engine) kind(log *statusLog) *cluster.Provider {
	on := cluster.ProviderWithDocker()
	switch e.name {
	case "podman":
		on = cluster.ProviderWithPodman()
	case "nerdctl":
		on = cluster.ProviderWithNerdctl(e.name)
	}
	return cluster.NewProvider(cluster.ProviderWithLogger(log), on)
}

// networkVariable is the environment variable in which kind looks for the name
// of the network to put its nodes on, or "" where it has none and all clusters
// share the network "kind".
func (e *engine) networkVariable() string {
	switch e.name {
	case "docker":
		return "KIND_EXPERIMENTAL_DOCKER_NETWORK"
	case "podman":
		return "KIND_EXPERIMENTAL_PODMAN_NETWORK"
	}
	return ""
}

// findEngine returns the engine, which is looked for until one has answered. Its
// error is an Error with the reason NoEngine.
func (p *Provider) findEngine(ctx context.Context) (*engine, error) {
	p.mu.Lock()
	known := p.engine
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := detect(ctx, p.options.Runtime)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine == nil {
		p.engine = found
		p.log.Info("container engine found", "engine", found.name, "version", found.info.Version)
	}
	return p.engine, nil
}

// forgetEngine makes the next call look for the engine again: one that stopped
// answering may come back as another, or on a changed machine.
func (p *Provider) forgetEngine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.engine = nil
}
