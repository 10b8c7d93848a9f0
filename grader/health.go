package grader

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	probeInterval = 10 * time.Second // between two questions to a cluster that answers
	probeTime     = 3 * time.Second  // for one answer
	grace         = 5 * time.Second  // of silence before it is told to students
)

// health knows whether the API server answers. Watches alone do not show it: the
// connection to a frozen machine stays open for a long time.
type health struct {
	answers func(context.Context) bool
	drop    func() // ends all connections
	changed func()
	doubt   chan struct{} // capacity 1: ask now
	silent  atomic.Bool
}

func newHealth(cluster *cluster, changed func()) *health {
	return &health{answers: cluster.answers, drop: cluster.close, changed: changed, doubt: make(chan struct{}, 1)}
}

// suspect has the API server asked at once. It does not block.
func (h *health) suspect() {
	select {
	case h.doubt <- struct{}{}:
	default:
	}
}

// run asks until ctx ends.
func (h *health) run(ctx context.Context) {
	var since time.Time // of the first question without an answer; zero while it answers
	for {
		asked := time.Now()
		answers := h.answers(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := probeInterval
		if answers {
			since = time.Time{}
		} else {
			pause = retryInterval
			if since.IsZero() {
				since = asked
			}
		}
		if silent := !since.IsZero() && time.Since(since) >= grace; silent != h.silent.Load() {
			h.silent.Store(silent)
			h.changed()
			// What hangs in a connection of before is not worth waiting for: it may
			// be the connection that is dead.
			h.drop()
		}
		doubt := h.doubt
		if !answers {
			doubt = nil // it is asked often enough
		}
		select {
		case <-ctx.Done():
			return
		case <-doubt:
		case <-time.After(pause):
		}
	}
}
