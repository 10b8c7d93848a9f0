package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"wheelhouse/labs"
)

// RouteInfo is a route as it is registered.
type RouteInfo struct{ Method, Path string }

// Routes returns what the router has, not what the table says.
func (s *Server) Routes() []RouteInfo {
	var out []RouteInfo
	for _, r := range s.engine.Routes() {
		out = append(out, RouteInfo{r.Method, r.Path})
	}
	return out
}

// LimitAccounts has a class code make n accounts at once at most.
func (s *Server) LimitAccounts(n int) { s.limits.accounts = newBuckets(rate.Every(time.Minute), n) }

// LimitAddress has an address send n requests at once at most.
func (s *Server) LimitAddress(n int) { s.limits.address = newBuckets(rate.Every(time.Minute), n) }

// KeepWrongLogins has no wrong log-in be forgotten while a test runs.
func (s *Server) KeepWrongLogins() {
	for _, b := range []*buckets{s.limits.account, s.limits.name, s.limits.device} {
		b.limit = rate.Every(time.Hour)
	}
}

// Handler is what Serve serves.
func (s *Server) Handler() http.Handler { return s.split() }

// OpenAPI is the embedded document.
func OpenAPI() []byte { return openAPI }

// Guard is what ends sockets with their log-in.
type Guard struct{ *guard }

func NewGuard(life context.Context, authenticate func(context.Context, string) (*labs.User, error), logger *slog.Logger) Guard {
	return Guard{newGuard(life, authenticate, logger)}
}

func (g Guard) Watch(ctx context.Context, token string, user *labs.User) (context.Context, func()) {
	return g.watch(ctx, token, user)
}

func (g Guard) Run(ctx context.Context) { g.run(ctx) }

// Watched is how many log-ins it looks at.
func (g Guard) Watched() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.logins)
}

// Devices sign device cookies.
type Devices struct{ *devices }

func NewDevices(key []byte) Devices { return Devices{newDevices(key)} }

func (d Devices) Issue(name string) string { return d.issue(name) }

func (d Devices) Find(cookie, name string) string { return d.find(cookie, name) }
