package grader

import (
	"context"
	"sync"
	"time"
)

const (
	restInterval = 500 * time.Millisecond // between two runs in the same container, however often its pod changes
	longestRest  = time.Minute            // after runs that did not end in time
)

// execution runs one check's probe whenever there is a reason to, for as long as
// its step is open.
type execution struct {
	check   *check
	cluster *cluster
	changed func()       // called after each run
	targets chan *target // capacity 1: the newest; nil while there is none

	offered *target // used by the caller of offer only

	mu    sync.Mutex
	done  *outcome
	began time.Time // when the run began that done is of
}

func newExecution(c *check, cluster *cluster, changed func()) *execution {
	return &execution{check: c, cluster: cluster, changed: changed, targets: make(chan *target, 1)}
}

// last returns the newest outcome, or nil.
func (e *execution) last() *outcome {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.done
}

// aim says what to run against, by what is known; nil where it cannot run.
func (e *execution) aim(stores map[query]*store) *target {
	chosen, _ := e.check.probe.aim(func(q query) found {
		if s := stores[q]; s != nil {
			return s.look()
		}
		return found{}
	})
	return chosen
}

// offer says what to run against from now on. It does not block. The probe runs at
// once where that is news.
func (e *execution) offer(newest *target) {
	if newest == e.offered || newest != nil && e.offered != nil && *newest == *e.offered {
		return
	}
	e.offered = newest
	for {
		select {
		case e.targets <- newest:
			return
		case <-e.targets: // an older one that was not taken yet
		}
	}
}

// once runs the probe.
func (e *execution) once(ctx context.Context, in target) {
	began := time.Now()
	e.note(e.check.probe.run(ctx, e.cluster, in), began)
}

// note keeps an outcome unless a run that began later has ended already.
func (e *execution) note(done *outcome, began time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !began.Before(e.began) {
		e.done, e.began = done, began
	}
}

// adopt keeps what another execution of the same check found, where that is newer.
func (e *execution) adopt(other *execution) {
	other.mu.Lock()
	done, began := other.done, other.began
	other.mu.Unlock()
	if done != nil {
		e.note(done, began)
	}
}

// run runs the probe when it is offered a target that is news, and each time
// the check's interval runs out, until ctx ends.
func (e *execution) run(ctx context.Context) {
	var current *target
	var ended time.Time // of the last run
	interval := e.check.probe.repeat().Interval
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-e.targets:
			again := next != nil && current != nil && next.same(*current)
			current = next
			if again && time.Since(ended) < restInterval {
				timer.Reset(restInterval - time.Since(ended))
				continue
			}
		case <-timer.C:
		}
		if current == nil {
			timer.Stop()
			continue
		}
		e.once(ctx, *current)
		if ctx.Err() != nil {
			return
		}
		e.changed()
		ended = time.Now()
		interval = e.pause(interval)
		timer.Reset(interval)
	}
}

// pause is how long to wait for the next run. Commands that do not end stay
// behind in the student's pod, so they are started less and less often.
func (e *execution) pause(last time.Duration) time.Duration {
	interval := e.check.probe.repeat().Interval
	if e.last().reason == ReasonTimeout {
		return min(2*last, max(longestRest, interval))
	}
	return interval
}
