package labs

import (
	"sync"
	"time"
)

// attention knows who looks at which session: pages, terminals and requests that
// are open, and when there was one last. It counts before a session is taken up
// too, since pages come back at once after a restart.
type attention struct {
	mu       sync.Mutex
	sessions map[string]*looks
}

// looks are those at one session. It is kept while the session is live or a page
// is open.
type looks struct {
	live bool
	open int
	last time.Time     // when somebody was there last
	came chan struct{} // of capacity 1: somebody has come since quiet was asked
}

// of returns the looks at the session id. The caller holds the lock.
func (a *attention) of(id string) *looks {
	if a.sessions == nil {
		a.sessions = map[string]*looks{}
	}
	k := a.sessions[id]
	if k == nil {
		k = &looks{came: make(chan struct{}, 1)}
		a.sessions[id] = k
	}
	return k
}

// drop forgets a session that is over and has no page open. The caller holds the lock.
func (a *attention) drop(id string) {
	if k := a.sessions[id]; k != nil && !k.live && k.open == 0 {
		delete(a.sessions, id)
	}
}

// begin has the looks at a live session kept until end, and returns the channel
// that says that somebody came.
func (a *attention) begin(id string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.of(id)
	k.live, k.last = true, time.Now()
	return k.came
}

func (a *attention) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(id).live = false
	a.drop(id)
}

// come notes that somebody looks until leave, which may be called twice.
func (a *attention) come(id string) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.of(id)
	k.open++
	k.seen()
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		k.open--
		k.last = time.Now()
		a.drop(id)
	})
}

// glance notes that somebody did something just now. It never blocks.
func (a *attention) glance(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.sessions[id]; k != nil {
		k.seen()
	}
}

func (k *looks) seen() {
	k.last = time.Now()
	select {
	case k.came <- struct{}{}:
	default:
	}
}

// quiet tells whether nobody has looked for so long. If so, whoever comes from now
// on is said on the channel that begin returned.
func (a *attention) quiet(id string, limit time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.of(id)
	if k.open > 0 || time.Since(k.last) < limit {
		return false
	}
	select {
	case <-k.came: // an old one
	default:
	}
	return true
}
