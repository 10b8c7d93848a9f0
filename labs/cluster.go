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
	"wheelhouse/labs/mend"
	"wheelhouse/labs/setup"
	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner"
)

// Pool hands out clusters: *provisioner.Pool.
type Pool interface {
	// Claim blocks until a cluster is handed over, which no other claim ever gets. An
	// owner who has one already is served after those who have none.
	Claim(ctx context.Context, owner string, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error)
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

// AddonKeeper is what a Pool also is whose clusters may lack an add-on for good:
// *provisioner.Pool.
type AddonKeeper interface {
	// MissingAddons names what was deleted; see provisioner.AddonKeeper.
	MissingAddons(ctx context.Context, name string) ([]string, error)
	RestoreAddons(ctx context.Context, name string) error
}

// Tender looks after a session's cluster. Its methods may be called at the same time.
type Tender interface {
	// Look returns what the student broke of the way to the cluster, or an error where
	// the cluster does not answer.
	Look(ctx context.Context) ([]mend.Fault, error)
	// Mend puts right what fault names.
	Mend(ctx context.Context, fault mend.Type) error
}

// clusters is what sessions do with clusters: the parts of Options, each with its
// default.
type clusters struct {
	pool    Pool
	rester  Rester // nil where clusters cannot rest
	prepare func(ctx context.Context, lab *content.Lab, access *provisioner.Access) error
	judge   func(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error)
	tend    func(lab *content.Lab, access *provisioner.Access, cluster string) (Tender, error)

	quiet func(ctx context.Context, access *provisioner.Access) (time.Duration, error)

	durations *durations
}

func newClusters(options Options, programs map[string]*grader.Program) clusters {
	c := clusters{
		pool:      options.Pool,
		prepare:   options.Prepare,
		judge:     options.Judge,
		tend:      options.Tend,
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
	if c.tend == nil {
		keeper, _ := options.Pool.(AddonKeeper)
		c.tend = func(lab *content.Lab, access *provisioner.Access, cluster string) (Tender, error) {
			return newTender(lab, access, addons{keeper, cluster})
		}
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
		kubeconfig, err := access.Student()
		if err != nil {
			return nil, err
		}
		program := programs[lab.Name]
		if lab.Values != nil { // the student's own
			if program, err = grader.Compile(lab); err != nil {
				return nil, err
			}
		}
		return program.Watch(config, grader.Options{OnResults: onResults, Logger: logger, Workstation: terminal.Student(access.Dial, kubeconfig)}), nil
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

// addons are those of one cluster.
type addons struct {
	keeper  AddonKeeper // nil where none are ever missing
	cluster string
}

func (a addons) Missing(ctx context.Context) ([]string, error) {
	if a.keeper == nil {
		return nil, nil
	}
	return a.keeper.MissingAddons(ctx, a.cluster)
}

func (a addons) Restore(ctx context.Context) error {
	if a.keeper == nil {
		return nil
	}
	return a.keeper.RestoreAddons(ctx, a.cluster)
}

// tender asks the API server whether it is ready, and the workstation's agent whether
// it started anew: then the home folder is empty, and gets its files again. What the
// student deletes or changes stays so, also when this process is another one.
type tender struct {
	lab    *content.Lab
	access *provisioner.Access
	client *rest.RESTClient
	mender *mend.Mender

	mu   sync.Mutex
	boot string // of the agent, when its home folder was looked at
}

func newTender(lab *content.Lab, access *provisioner.Access, addons mend.AddonKeeper) (Tender, error) {
	config, err := restConfig(access)
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, err
	}
	return &tender{lab: lab, access: access, client: client, mender: mend.New(lab, access, addons)}, nil
}

func (t *tender) Look(ctx context.Context) ([]mend.Fault, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.client.Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return nil, err
	}
	status, err := terminal.Ping(ctx, t.access.Dial)
	if err != nil {
		return nil, err
	}
	if !status.Written && status.Boot != t.boot {
		if err := restore(ctx, t.lab, t.access); err != nil {
			return nil, err
		}
		t.boot = status.Boot
	}
	return t.mender.Look(ctx, status), nil
}

func (t *tender) Mend(ctx context.Context, fault mend.Type) error { return t.mender.Mend(ctx, fault) }

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
