package grader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	kindInterval  = time.Second // how often a kind that is not there is asked for again
	retryInterval = 500 * time.Millisecond
	largeInterval = 5 * time.Second // how often it is looked whether what was too much has become less
)

// source fills a store from the cluster: read once, or run for as long as
// a check needs it.
type source struct {
	*store
	cluster *cluster
	trouble func() // called when a request fails that may mean a lost connection
}

// read fills the store with what is there now.
func (s *source) read(ctx context.Context) error {
	if s.query.ended != (ended{}) {
		s.hear(s.cluster.lastWords(ctx, s.query))
		return nil
	}
	where, err := s.locate(ctx)
	if errors.Is(err, errNoKind) {
		s.settle(unknownKind, "", "")
		return nil
	}
	var no *refusal
	if errors.As(err, &no) {
		s.settle(failed, ReasonInvalid, no.sentence)
		return nil
	}
	var large *excess
	if errors.As(err, &large) {
		s.settle(failed, large.reason, large.sentence)
		return nil
	}
	if err != nil {
		return fmt.Errorf("grader: find the kind %s: %w", s.query.kind, err)
	}
	listed, err := s.cluster.list(ctx, s.query, where, metav1.ListOptions{})
	if errors.As(err, &large) {
		s.settle(failed, large.reason, large.sentence)
		return nil
	}
	if err != nil {
		return fmt.Errorf("grader: list %s: %w", where.Resource, err)
	}
	items, err := meta.ExtractList(listed)
	if err != nil {
		return fmt.Errorf("grader: list %s: %w", where.Resource, err)
	}
	all := make([]any, 0, len(items))
	for _, item := range items {
		all = append(all, item)
	}
	if err := s.Replace(all, ""); err != nil && !errors.As(err, &large) {
		return err
	}
	return nil
}

// run keeps the store as the cluster is, until ctx ends. A kind that is not there
// is picked up when it comes, and one that goes is waited for again.
func (s *source) run(ctx context.Context) {
	if s.query.ended != (ended{}) {
		s.hear(s.cluster.lastWords(ctx, s.query))
		return
	}
	defer s.release()
	for {
		pause := kindInterval
		where, err := s.locate(ctx)
		switch {
		case err == nil:
			pause = retryInterval
			if s.follow(ctx, where) { // until ctx ends, the kind has gone, or there is too much
				pause = largeInterval
			}
		case errors.Is(err, errNoKind):
			s.settle(unknownKind, "", "")
		default:
			s.refused(err)
			pause = retryInterval
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// locate finds the query's kind. A lab that names an object of a namespaced kind
// but no namespace is a mistake that shows only here.
func (s *source) locate(ctx context.Context) (resource, error) {
	where, err := s.cluster.lookup(ctx, s.query)
	if err == nil && where.namespaced && s.query.name != "" && s.query.namespace == "" {
		return resource{}, &refusal{fmt.Sprintf("The lab names %s but not its namespace; please tell whoever runs the lab.", s.query.what())}
	}
	return where, err
}

// refusal is an answer that makes a check Unknown, as a sentence.
type refusal struct{ sentence string }

func (r *refusal) Error() string { return r.sentence }

// refused notes that the cluster did not tell. What was known stays known: a
// connection that comes back changes nothing, and one that stays away is the
// business of the health watch.
func (s *source) refused(err error) {
	var no *refusal
	var large *excess
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &no):
		s.settle(failed, ReasonInvalid, no.sentence)
	case errors.As(err, &large):
		s.settle(failed, large.reason, large.sentence)
	case s.look().phase == known:
	case errors.As(err, &status):
		s.settle(failed, ReasonUnreachable, fmt.Sprintf("The cluster does not tell about %s: %s.", s.query.what(), status.Status().Message))
	case errors.Is(err, context.DeadlineExceeded):
		s.settle(failed, ReasonUnreachable, fmt.Sprintf("The cluster took more than %v to tell about %s.", listTime, s.query.what()))
	case !disconnected(err) && !errors.Is(err, context.Canceled): // or all other checks would wait for this one
		s.settle(failed, ReasonUnreachable, fmt.Sprintf("The cluster does not tell about %s; it is tried again.", s.query.what()))
	}
	s.cluster.logger.Debug("grader: request refused", "kind", s.query.kind, "error", err)
	s.trouble()
}

// follow lists and watches until ctx ends, the kind has gone or there is more than
// may be kept; it tells whether it was that.
func (s *source) follow(ctx context.Context, where resource) (large bool) {
	kept := &kept{store: s.store}
	ctx, gone := context.WithCancel(klog.NewContext(ctx, logr.Discard()))
	defer gone()
	kept.full = gone
	var lists gate // the reflector does not wait for its lists
	defer lists.close()
	failing := func(err error) {
		if err == nil || ctx.Err() != nil {
			return
		}
		if apierrors.IsNotFound(err) {
			gone()
			return
		}
		s.refused(err)
		if _, large := errors.AsType[*excess](err); large {
			kept.refuse()
		}
	}
	requester := &requester{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if !lists.enter() {
				return nil, context.Canceled
			}
			defer lists.leave()
			if options.ResourceVersion == "0" {
				options.ResourceVersion = "" // not "anything you remember", but what is there now
			}
			list, err := s.cluster.list(ctx, s.query, where, options)
			failing(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			watching, err := s.cluster.watch(ctx, s.query, where, options)
			failing(err)
			return watching, err
		},
	}}
	// Students wait for what they see, so a cluster that comes back is found
	// sooner than client-go's half minute.
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 5, Cap: 2 * time.Second}
	reflector := cache.NewReflectorWithOptions(requester, nil, kept, cache.ReflectorOptions{Name: "grader", Backoff: &backoff})
	// Not its own RunWithContext, which reports every error to a handler of the
	// whole process that lets one through each millisecond.
	_ = backoff.DelayWithReset(clock.RealClock{}, time.Minute).Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		if err := reflector.ListAndWatchWithContext(ctx); err != nil && ctx.Err() == nil {
			s.cluster.logger.Debug("grader: watch lost", "kind", s.query.kind, "error", err)
		}
		return false, nil
	})
	return kept.large.Load()
}

// kept is a store that is not filled any more once it has refused something.
type kept struct {
	*store
	full  func()
	large atomic.Bool
}

func (k *kept) refuse() {
	k.large.Store(true)
	k.full()
}

// refused keeps what a Reflector would only report, and that to a handler of the
// whole process.
func (k *kept) refused(err error) error {
	if _, large := errors.AsType[*excess](err); !large {
		return err
	}
	k.refuse()
	return nil
}

func (k *kept) Add(item any) error    { return k.refused(k.store.Add(item)) }
func (k *kept) Update(item any) error { return k.refused(k.store.Update(item)) }

func (k *kept) Replace(items []any, version string) error {
	return k.refused(k.store.Replace(items, version))
}

// requester lists before it watches. Streaming the list through the watch saves
// memory on large clusters only, and client-go's code for it does not end while
// it waits to try again.
type requester struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is asked for by cache.Reflector.
func (*requester) IsWatchListSemanticsUnSupported() bool { return true }

// gate lets calls in until it is closed.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// enter tells whether the call may go in; then it has to leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

func (g *gate) leave() { g.inside.Done() }

// close lets no caller in any more and waits until all have left.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
