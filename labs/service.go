// Package labs is what happens to people: who they are, which class they are
// in, their sessions at the labs of a course, and what they have achieved. It
// holds the rules, and knows neither HTTP nor SQL. Package server calls its
// Service; the stores behind it are in the folder sqlite.
package labs

import (
	"context"
	"log/slog"
	"time"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/provisioner"
)

// Options are what New needs. Those without a word on a default are required.
type Options struct {
	Course *content.Course
	Stores Stores
	Pool   Pool
	// Access reaches a claimed cluster: the provider's Access.
	Access func(ctx context.Context, cluster string) (*provisioner.Access, error)
	// Judge starts to judge a cluster and calls onResults from one goroutine; nil
	// is the grader with the lab's checks.
	Judge  func(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error)
	Limits Limits
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil is slog.Default()
}

// Stores are where everything is kept.
type Stores struct {
	Users     Users
	Logins    Logins
	Links     Links
	Classes   Classes
	Rosters   Rosters
	Sessions  Sessions
	Results   Results
	Gradebook Gradebook
}

// Pool hands out clusters: *provisioner.Pool.
type Pool interface {
	// Claim blocks until a cluster is handed over.
	Claim(ctx context.Context, spec provisioner.Spec, report func(provisioner.Progress)) (*provisioner.Cluster, error)
	// Release has the cluster deleted and does not wait for it.
	Release(name string)
}

// Judge judges one cluster until its context ends: *grader.Watcher.
type Judge interface {
	Run(ctx context.Context) error
	// Open names the steps that are judged from now on.
	Open(steps []string)
}

// Limits are what people may use. A zero field has the default that its comment
// names.
type Limits struct {
	Sessions    int           // live sessions of one user: 2
	Idle        time.Duration // a session in which nobody did anything for so long is ended; 0 is never
	Setup       time.Duration // for the preparation of a claimed cluster: 5 min
	Unreachable time.Duration // a cluster that does not answer for so long fails its session: 3 min
	Login       time.Duration // how long a log-in lasts: 7 days
	Link        time.Duration // how long a one-time link can be used: 24 h
}

// Service is everything that people do. All of its methods may be called at the
// same time. Errors that a person should read are of type *Error; any other is a
// fault of ours and only for the log.
type Service struct {
	options Options
}

// New returns a service over the course. It fails when a check of the course
// does not compile, with every mistake.
func New(options Options) (*Service, error) {
	return &Service{options: options}, nil
}

// Claimed returns the names of the clusters that sessions of an earlier process
// hold or held. The pool has to know them (Pool.Adopt) before it runs, so that it
// neither deletes them nor hands them out again.
func (s *Service) Claimed(ctx context.Context) ([]string, error) { return nil, errTODO }

// Run takes up the live sessions where an earlier process left them, and owns
// every goroutine of the service: it returns when ctx ends and all of them have.
// Sessions and their clusters live on for the next process.
func (s *Service) Run(ctx context.Context) error { return errTODO }

// Ready returns nil when Run has taken up the sessions and the database answers.
func (s *Service) Ready(ctx context.Context) error { return errTODO }

// Course returns the course. It never changes.
func (s *Service) Course() *content.Course { return s.options.Course }
