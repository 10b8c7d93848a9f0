// Package thaw keeps a cluster that was frozen from being taken for one whose nodes
// have died.
//
// While all processes of a cluster are frozen its clock goes on. When they go on,
// the node lifecycle controller finds every node's lease overdue, and would mark
// the nodes as unreachable in the moment before their kubelets renew it; and a
// kubelet may report that its runtime is down before it has asked it again.
package thaw

import (
	"context"
	"sync"
	"time"
)

const (
	beat  = 250 * time.Millisecond
	pause = 2 * time.Second // between two beats: then the process was frozen

	// patience is for how long after that the node lifecycle controller marks no
	// node. The kubelets renew their leases at once; it looks every five seconds.
	patience = 8 * time.Second
)

// Guard notices when this process was frozen.
type Guard struct {
	mu     sync.Mutex
	last   time.Time // beat
	thawed time.Time
}

// NewGuard returns a Guard that works until ctx ends.
func NewGuard(ctx context.Context) *Guard {
	g := &Guard{last: time.Now()}
	go func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				g.thawedWithin(0)
			case <-ctx.Done():
				return
			}
		}
	}()
	return g
}

// thawedWithin reports whether the process was frozen and that ended less than
// span ago.
func (g *Guard) thawedWithin(span time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Sub(g.last) > pause {
		g.thawed = now
	}
	g.last = now
	return !g.thawed.IsZero() && now.Sub(g.thawed) < span
}
