package labs_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
	agent "wheelhouse/labs/terminal/agent/dist"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	machine "wheelhouse/provisioner/embedded/machine/dist"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// classroom is a service with a real database, the real grader and one real
// cluster, which every session has for its own: each looks at another namespace.
type classroom struct {
	*labs.Service
	stores  labs.Stores
	objects dynamic.Interface

	evaluations sync.Map // *atomic.Int64 by the lab's name
}

// newClassroom is stopped, and its cluster deleted, with b.
func newClassroom(b *testing.B, all ...*content.Lab) *classroom {
	b.Helper()
	access := realCluster(b)
	kubeconfig, err := access.Admin()
	if err != nil {
		b.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	c := &classroom{}
	if c.objects, err = dynamic.NewForConfig(config); err != nil {
		b.Fatal(err)
	}
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "wheelhouse.db"))
	if err != nil {
		b.Fatal(err)
	}
	c.stores = db.Stores()
	c.Service, err = labs.New(labs.Options{
		Course: &content.Course{Name: "bench", Title: "Bench", Modules: []*content.Module{{Name: "typical", Title: "Typical", Labs: all}}},
		Stores: c.stores,
		Pool:   &onlyCluster{access: access},
		Judge:  c.judge,
		Logger: slog.New(slog.NewTextHandler(b.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Errorf("service: %v", err)
		}
		if err := db.Close(); err != nil {
			b.Errorf("close the database: %v", err)
		}
	})
	return c
}

// realCluster makes an embedded cluster.
func realCluster(b *testing.B) *provisioner.Access {
	b.Helper()
	from := provisionertest.NeedsPack(b)
	agentProgram, agentBuilt := agent.Binary(runtime.GOARCH)
	machineProgram, machineBuilt := machine.Binary(runtime.GOARCH)
	if !agentBuilt || !machineBuilt {
		b.Fatal("the programs that run in clusters are not built; run: make parts")
	}
	provider, err := embedded.New(embedded.Options{
		DataDir: b.TempDir(), Agent: agentProgram, Machine: machineProgram,
		Pack: func() (*pack.Pack, error) { return from, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	name := "wh-" + strings.ToLower(rand.Text()[:8])
	b.Cleanup(func() {
		if err := provider.Delete(context.Background(), name); err != nil {
			b.Errorf("delete the cluster: %v", err)
		}
	})
	if _, err := provider.Create(b.Context(), name, provisioner.Spec{}, nil); err != nil {
		b.Fatal(err)
	}
	access, err := provider.Access(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	return access
}

// judge judges as a service does by default, and counts.
func (c *classroom) judge(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (labs.Judge, error) {
	evaluations := c.evaluationsOf(lab.Name)
	return labs.NewJudge(lab, access, func(results []grader.Result) {
		evaluations.Add(1)
		onResults(results)
	})
}

// evaluationsOf counts how often the lab was judged, over all of its sessions.
func (c *classroom) evaluationsOf(lab string) *atomic.Int64 {
	counter, _ := c.evaluations.LoadOrStore(lab, new(atomic.Int64))
	return counter.(*atomic.Int64)
}

// seat is a student at work.
type seat struct {
	*classroom
	b       *testing.B
	user    *labs.User
	lab     string // its name
	session string
	changed <-chan struct{}
}

// open has a new student open a lab and look at its page until b ends, and the
// session with it. It does not wait for the cluster.
func (c *classroom) open(b *testing.B, lab string) *seat {
	b.Helper()
	name := lab + "-" + strings.ToLower(rand.Text()[:8])
	user := &labs.User{ID: "u_" + name, Name: name, Role: labs.Student, CreatedAt: moment()}
	if err := c.stores.Users.Create(b.Context(), user); err != nil {
		b.Fatal(err)
	}
	view, _, err := c.Open(b.Context(), user, lab)
	if err != nil {
		b.Fatal(err)
	}
	changed, cancel, err := c.Subscribe(b.Context(), user, view.Session.ID)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		if err := c.End(context.Background(), user, view.Session.ID); err != nil {
			b.Errorf("end a session: %v", err)
		}
	})
	return &seat{classroom: c, b: b, user: user, lab: lab, session: view.Session.ID, changed: changed}
}

// await blocks until the student is shown that a check says message, which is
// stored by then.
func (s *seat) await(limit time.Duration, check, message string) error {
	deadline := time.After(limit)
	for {
		view, err := s.View(s.b.Context(), s.user, s.session)
		if err != nil {
			return err
		}
		got := shown(view, check)
		if got == message {
			return nil
		}
		select {
		case <-s.changed:
		case <-deadline:
			return fmt.Errorf("%s: after %v, check %s says %q, want %q", s.user.Name, limit, check, got, message)
		}
	}
}

// shown is what a check says, or what the session waits for.
func shown(view *labs.View, check string) string {
	for _, step := range view.Steps {
		for _, result := range step.Results {
			if result.Check == check {
				return result.Message
			}
		}
	}
	return view.Session.Message
}

// onlyCluster is a pool that hands out the same cluster again and again.
type onlyCluster struct {
	access *provisioner.Access
	claims atomic.Int64
}

func (p *onlyCluster) Claim(context.Context, string, provisioner.Spec, func(provisioner.Progress)) (*provisioner.Cluster, error) {
	return p.Cluster(fmt.Sprintf("wh-%d", p.claims.Add(1)))
}

func (p *onlyCluster) Release(string) {}

func (p *onlyCluster) Access(context.Context, string) (*provisioner.Access, error) {
	return p.access, nil
}

func (p *onlyCluster) Cluster(name string) (*provisioner.Cluster, error) {
	return &provisioner.Cluster{Name: name, Provider: "embedded", State: provisioner.Ready}, nil
}
