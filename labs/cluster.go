package labs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs/setup"
	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

// Pool hands out clusters: *provisioner.Pool.
type Pool interface {
	// Claim blocks until a cluster is handed over, which nobody else ever gets.
	Claim(ctx context.Context, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error)
	// Release has the cluster deleted and does not wait for it.
	Release(name string)
	// Access tells how to reach a cluster.
	Access(ctx context.Context, name string) (*provisioner.Access, error)
	// Cluster is provisioner.ErrNotFound for a cluster that was seen to be gone.
	Cluster(name string) (*provisioner.Cluster, error)
}

// Rester is what a Pool also is whose clusters can rest: *provisioner.Pool.
type Rester interface {
	// Rest freezes a claimed cluster until Access is asked for it. On an error it
	// runs.
	Rest(ctx context.Context, name string) error
}

// Judge judges one cluster: *grader.Watcher.
type Judge interface {
	// Run judges until ctx ends.
	Run(ctx context.Context) error
	// Open names the steps that are judged from now on.
	Open(steps []string)
	// Confirm asks for results with Confirmed set of an open step, all of whose
	// checks are True; see grader.Watcher.
	Confirm(step string)
}

// clusters is what sessions do with clusters: the parts of Options, each with its
// default.
type clusters struct {
	pool    Pool
	rester  Rester // nil where clusters cannot rest
	prepare func(ctx context.Context, lab *content.Lab, access *provisioner.Access) error
	judge   func(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error)
	reach   func(lab *content.Lab, access *provisioner.Access) (func(ctx context.Context) error, error)

	quiet func(ctx context.Context, access *provisioner.Access) (time.Duration, error)

	durations *durations
}

func newClusters(options Options, programs map[string]*grader.Program) clusters {
	c := clusters{
		pool:      options.Pool,
		prepare:   options.Prepare,
		judge:     options.Judge,
		reach:     options.Reach,
		quiet:     options.Quiet,
		durations: &durations{},
	}
	c.rester, _ = options.Pool.(Rester)
	if c.prepare == nil {
		c.prepare = setup.Run
	}
	if c.judge == nil {
		c.judge = graderJudge(programs, options.Logger)
	}
	if c.reach == nil {
		c.reach = newReach
	}
	if c.quiet == nil {
		c.quiet = terminalsQuiet
	}
	return c
}

// compile translates the checks of every lab.
func compile(course *content.Course) (map[string]*grader.Program, error) {
	programs := map[string]*grader.Program{}
	var errs []error
	for _, module := range course.Modules {
		for _, lab := range module.Labs {
			program, err := grader.Compile(lab)
			programs[lab.Name] = program
			errs = append(errs, err)
		}
	}
	return programs, errors.Join(errs...)
}

func graderJudge(programs map[string]*grader.Program, logger *slog.Logger) func(*content.Lab, *provisioner.Access, func([]grader.Result)) (Judge, error) {
	return func(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error) {
		config, err := restConfig(access)
		if err != nil {
			return nil, err
		}
		program := programs[lab.Name]
		if lab.Values != nil { // the student's own
			if program, err = grader.Compile(lab); err != nil {
				return nil, err
			}
		}
		return program.Watch(config, grader.Options{OnResults: onResults, Logger: logger, Workstation: terminal.Student(access.Dial)}), nil
	}
}

// restConfig is for this process, which may do anything in the cluster.
func restConfig(access *provisioner.Access) (*rest.Config, error) {
	kubeconfig, err := access.Admin()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	config.Wrap(grader.LimitAnswers) // the cluster is its student's
	return config, nil
}

// newReach returns what asks the API server whether it is ready, and the
// workstation's agent whether it started anew: then the home folder is empty, and
// gets its files again.
func newReach(lab *content.Lab, access *provisioner.Access) (func(ctx context.Context) error, error) {
	config, err := restConfig(access)
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, err
	}
	var boot string
	return func(ctx context.Context) error {
		if err := client.Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return err
		}
		status, err := terminal.Ping(ctx, access.Dial)
		if err != nil || status.Boot == boot {
			return err
		}
		if err := restore(ctx, lab, access); err != nil {
			return err
		}
		boot = status.Boot
		return nil
	}, nil
}

// terminalsQuiet asks the workstation's agent.
func terminalsQuiet(ctx context.Context, access *provisioner.Access) (time.Duration, error) {
	status, err := terminal.Ping(ctx, access.Dial)
	return status.Quiet, err
}

// restore writes the home folder's files where the kubeconfig is missing.
func restore(ctx context.Context, lab *content.Lab, access *provisioner.Access) error {
	result, err := terminal.Run(ctx, access.Dial, terminal.RunRequest{
		Command: []string{"test", "-e", ".kube/config"}, User: true, Timeout: beatTimeout,
	})
	if err != nil || result.ExitCode == 0 {
		return err
	}
	return setup.Home(ctx, lab, access)
}

// durations remembers how long the preparation of each lab took last, for the
// estimates on the page.
type durations struct {
	mu   sync.Mutex
	last map[string]time.Duration
}

func (d *durations) of(lab string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.last[lab]; ok {
		return known
	}
	return time.Second // what a lab with a manifest or two takes
}

func (d *durations) note(lab string, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = map[string]time.Duration{}
	}
	d.last[lab] = took
}
