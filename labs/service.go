// Package labs is what happens to people: who they are, which class they are
// in, their sessions at the labs of a course, and what they have achieved. It
// holds the rules, and knows neither HTTP nor SQL. Package server calls its
// Service; the stores behind it are in the folder sqlite.
package labs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
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
	Limits Limits
	Logger *slog.Logger // nil is slog.Default()

	// Prepare makes a claimed cluster what the lab asks for: nil is setup.Run.
	Prepare func(ctx context.Context, lab *content.Lab, access *provisioner.Access) error
	// Judge returns who judges a cluster, and calls onResults from one goroutine
	// while it runs: nil is the grader with the lab's checks.
	Judge func(lab *content.Lab, access *provisioner.Access, onResults func([]grader.Result)) (Judge, error)
	// Tend returns what looks after a session's cluster now and then: nil asks its API
	// server and its workstation.
	Tend func(lab *content.Lab, access *provisioner.Access, cluster string) (Tender, error)
	// Quiet tells for how long nothing was typed or printed in any terminal of a
	// session's workstation: nil asks its agent.
	Quiet func(ctx context.Context, access *provisioner.Access) (time.Duration, error)
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
	Hints     Hints
	Tries     Tries
	Gradebook Gradebook
}

// Limits are what people may use. A zero field has the default that its comment
// names.
type Limits struct {
	Sessions    int           // live sessions of one user: 2
	Idle        time.Duration // a session in which nobody did anything for so long is ended; 0 is never
	Rest        time.Duration // the cluster of a session at which nobody looked for so long is frozen until somebody does; 0 is never
	Setup       time.Duration // for the preparation of a claimed cluster: 5 min
	Unreachable time.Duration // a cluster that does not answer for so long fails its session: 3 min
	Login       time.Duration // how long a log-in lasts: 7 days
	Link        time.Duration // how long a one-time link can be used: 24 h
}

func (l Limits) withDefaults() Limits {
	l.Sessions = cmp.Or(l.Sessions, 2)
	l.Setup = cmp.Or(l.Setup, 5*time.Minute)
	l.Unreachable = cmp.Or(l.Unreachable, 3*time.Minute)
	l.Login = cmp.Or(l.Login, 7*24*time.Hour)
	l.Link = cmp.Or(l.Link, 24*time.Hour)
	return l
}

// Service is everything that people do. All of its methods may be called at the
// same time. Errors that a person should read are of type *Error; any other is a
// fault of ours and only for the log.
type Service struct {
	course   *content.Course
	stores   Stores
	clusters clusters
	limits   Limits
	logger   *slog.Logger

	people        people
	bootstrapping sync.Mutex

	subscriptions subscriptions // by the id of a session or of a class
	attendance    attendance
	attention     attention

	opening sync.Mutex    // held while a session is made, so that the rules on their number hold
	resumed chan struct{} // closed when Run has taken up the sessions of an earlier process

	mu      sync.Mutex
	running context.Context // of Run; sessions are started under it
	stopped bool            // nothing is started any more
	live    map[string]*liveSession
	work    sync.WaitGroup // a goroutine for each of live
}

// New returns a service over the course. It fails when a check of the course
// does not compile, with every mistake.
func New(options Options) (*Service, error) {
	programs, err := compile(options.Course)
	if err != nil {
		return nil, err
	}
	return &Service{
		course:   options.Course,
		stores:   options.Stores,
		clusters: newClusters(options, programs),
		limits:   options.Limits.withDefaults(),
		logger:   cmp.Or(options.Logger, slog.Default()),
		people:   people{stores: options.Stores, passwords: newPasswords()},
		resumed:  make(chan struct{}),
		live:     map[string]*liveSession{},
	}, nil
}

// Claimed returns the clusters that the live sessions of an earlier process hold, each
// with its user's id. The pool has to know them (Pool.Adopt) before it runs, so that it
// does not delete them.
func (s *Service) Claimed(ctx context.Context) (map[string]string, error) {
	sessions, err := s.stores.Sessions.Live(ctx, "")
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, session := range sessions {
		if session.Cluster != "" {
			owners[session.Cluster] = session.UserID
		}
	}
	return owners, nil
}

// Run takes up the live sessions where an earlier process left them, and owns
// every goroutine of the service: it returns when ctx ends and all of them have.
// Sessions and their clusters live on for the next process. It is called once.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.resume(ctx); err != nil {
		return fmt.Errorf("take up the live sessions: %w", err)
	}
	<-ctx.Done()
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.work.Wait()
	return nil
}

func (s *Service) resume(ctx context.Context) error {
	sessions, err := s.stores.Sessions.Live(ctx, "")
	if err != nil {
		return err
	}
	var resumed []*liveSession
	for _, session := range sessions {
		live, err := s.newLive(ctx, session)
		if err != nil {
			return err
		}
		resumed = append(resumed, live)
	}
	s.mu.Lock()
	s.running = ctx
	s.mu.Unlock()
	for _, live := range resumed {
		s.start(live) // fails only after Run
	}
	close(s.resumed)
	return nil
}

// start runs the session until it is over or Run ends, and tells whether it does.
func (s *Service) start(l *liveSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.running.Err() != nil {
		return false
	}
	ctx, stop := context.WithCancelCause(s.running)
	l.stop = stop
	s.live[l.id] = l
	s.work.Go(func() {
		defer stop(nil)
		l.run(ctx)
		s.attention.end(l.id)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, l.id)
	})
	return true
}

// find returns the session id if it is live, or nil.
func (s *Service) find(id string) *liveSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[id]
}

// awaitResumed blocks until Run knows the sessions of an earlier process.
func (s *Service) awaitResumed(ctx context.Context) error {
	select {
	case <-s.resumed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready returns nil when Run has taken up the sessions and the database answers.
func (s *Service) Ready(ctx context.Context) error {
	select {
	case <-s.resumed:
	default:
		return &Error{Code: CodeUnavailable, Message: "Wheelhouse is starting. Try again in a moment."}
	}
	_, err := s.stores.Users.Count(ctx, Instructor)
	return err
}

// Course returns the course. It never changes.
func (s *Service) Course() *content.Course { return s.course }

// stored is a time as it is stored, so that what is in memory equals what is read
// back.
func stored(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

func now() time.Time { return stored(time.Now()) }
