package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"wheelhouse/labs"
)

// Why a socket, or a proxied request, was ended.
var (
	errLoggedOut = errors.New("the log-in has ended")
	errGoingAway = errors.New("the server is going away")
)

// revalidate is how often a log-in that something long-lived hangs on is looked
// at again. Whatever ended it, its sockets end within two seconds.
const revalidate = time.Second

// guard ends what hangs on a log-in when the log-in ends, whoever ended it and
// why: log-out here or in another tab, expiry, a change of role. It looks at the
// state again and again rather than trusting that every end is announced.
type guard struct {
	life         context.Context // the server's
	authenticate func(ctx context.Context, token string) (*labs.User, error)
	logger       *slog.Logger

	mu     sync.Mutex
	next   int
	logins map[string]map[int]watch // by token; lives in memory only
}

// watch is one socket or proxied request.
type watch struct {
	userID string
	role   labs.Role
	end    context.CancelCauseFunc
}

func newGuard(life context.Context, authenticate func(context.Context, string) (*labs.User, error), logger *slog.Logger) *guard {
	return &guard{life: life, authenticate: authenticate, logger: logger, logins: make(map[string]map[int]watch)}
}

// watch returns a context that ends, with errLoggedOut as its cause, once token
// is no longer user's with the same role, and with errGoingAway when the server
// ends. The caller calls release when done.
func (g *guard) watch(ctx context.Context, token string, user *labs.User) (_ context.Context, release func()) {
	ctx, end := context.WithCancelCause(ctx)
	forget := context.AfterFunc(g.life, func() { end(context.Cause(g.life)) })
	g.mu.Lock()
	defer g.mu.Unlock()
	id := g.next
	g.next++
	if g.logins[token] == nil {
		g.logins[token] = make(map[int]watch)
	}
	g.logins[token][id] = watch{userID: user.ID, role: user.Role, end: end}
	return ctx, func() {
		forget()
		end(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.logins[token], id)
		if len(g.logins[token]) == 0 {
			delete(g.logins, token)
		}
	}
}

// drop ends everything that hangs on token, at once.
func (g *guard) drop(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.logins[token] {
		w.end(errLoggedOut)
	}
}

// run looks at all watched log-ins until ctx ends.
func (g *guard) run(ctx context.Context) {
	ticker := time.NewTicker(revalidate)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			g.check(ctx)
		}
	}
}

func (g *guard) check(ctx context.Context) {
	g.mu.Lock()
	tokens := slices.Collect(maps.Keys(g.logins))
	g.mu.Unlock()
	for _, token := range tokens {
		user, err := g.authenticate(ctx, token)
		if err != nil && labs.CodeOf(err) != labs.CodeUnauthorized {
			if ctx.Err() == nil {
				g.logger.Error("cannot check a log-in", "err", err)
			}
			return // a fault of ours ends no terminal; the next look is soon
		}
		g.mu.Lock()
		for _, w := range g.logins[token] {
			if err != nil || w.userID != user.ID || w.role != user.Role {
				w.end(errLoggedOut)
			}
		}
		g.mu.Unlock()
	}
}
