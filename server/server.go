// Package server is Wheelhouse over HTTP: a JSON API, two WebSockets, the pages
// and, each on an origin of its own, the applications that students run in their
// clusters. It decides who may call what, turns errors into statuses and holds
// the limits. It knows no rules of labs and no SQL: package labs does, and main
// brings the two together.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/content"
	"wheelhouse/labs"
)

// Mode says for whom this server runs.
type Mode string

// The modes.
const (
	Learn Mode = "learn" // one self-paced learner, logged in by a link
	Serve Mode = "serve" // many users with passwords, and classes
)

// Options is what New needs. Labs, Course and PublicURL have to be set.
type Options struct {
	Labs   *labs.Service
	Course *content.Course
	Pages  fs.FS // web/dist; nil shows a page that says to run "make web"
	Mode   Mode

	// PublicURL is what browsers have in their address bar, scheme, host and
	// port only: "http://127.0.0.1:8080", "https://lab.example.org". Requests
	// under another name are refused. Plain http is for loopback only.
	PublicURL string

	// AppsURL names the origins of applications in labs; its host starts with
	// "*.", which stands for 32 hexadecimal digits. Where it is empty, they are
	// "*.localhost" of the same port for a loopback PublicURL, else subdomains
	// of the public host: a wildcard DNS record and certificate are needed.
	AppsURL string

	// TrustedProxies are the addresses whose X-Forwarded-For is believed, for
	// limits and the log. Empty: only the connection's own address counts.
	TrustedProxies []netip.Prefix

	// DeviceKey signs what browsers remember of log-ins, at least 32 random bytes.
	// Empty: a new one, so that browsers are strangers after a restart.
	DeviceKey []byte

	// Ready tells what keeps this process from serving labs, for /readyz. It has
	// to return quickly. Nil: nothing does.
	Ready func(context.Context) error

	Version string
	Logger  *slog.Logger // nil: slog.Default
}

// Limits of the HTTP server itself.
const (
	headerTimeout  = 10 * time.Second // to send a request's header
	requestTimeout = 30 * time.Second // to send a body, and to take an answer
	idleTimeout    = 2 * time.Minute  // between two requests on one connection
	maxHeader      = 32 << 10         // bytes
	drainTimeout   = 10 * time.Second // for requests under way when Serve ends
)

// Server answers HTTP. Make one with New, run it with Serve.
type Server struct {
	labs    *labs.Service
	course  *content.Course
	mode    Mode
	version string
	logger  *slog.Logger
	ready   func(context.Context) error

	origins *origins
	pages   *pages
	guard   *guard
	limits  *limits
	devices *devices
	apps    *apps

	// life ends, with errGoingAway, when Serve is to end: all that does not end by
	// itself hangs on it.
	life context.Context
	stop context.CancelCauseFunc

	engine   *gin.Engine
	handler  http.Handler
	draining atomic.Bool
	sockets  sync.WaitGroup // WebSockets and proxied requests: http.Server does not wait for those it was relieved of
}

// New checks the options and builds the routes. It starts nothing and opens
// nothing: that is Serve's.
func New(o Options) (*Server, error) {
	if o.Labs == nil || o.Course == nil {
		return nil, errors.New("server: Options.Labs and Options.Course have to be set")
	}
	if o.Mode != Learn && o.Mode != Serve {
		return nil, fmt.Errorf("server: mode %q is neither %q nor %q", o.Mode, Learn, Serve)
	}
	origins, err := newOrigins(o.PublicURL, o.AppsURL)
	if err != nil {
		return nil, err
	}
	pages, err := newPages(o.Pages)
	if err != nil {
		return nil, fmt.Errorf("server: read the pages: %w", err)
	}
	s := &Server{
		labs:    o.Labs,
		course:  o.Course,
		mode:    o.Mode,
		version: o.Version,
		logger:  o.Logger,
		ready:   o.Ready,
		origins: origins,
		pages:   pages,
		limits:  newLimits(),
		devices: newDevices(o.DeviceKey),
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	s.life, s.stop = context.WithCancelCause(context.Background())
	s.guard = newGuard(s.life, o.Labs.Authenticate, s.logger)
	s.apps = newApps(s)
	if s.engine, err = s.newEngine(o.TrustedProxies); err != nil {
		return nil, err
	}
	s.handler = s.split()
	return s, nil
}

// Serve answers on listener until ctx ends; it closes listener. Then it refuses
// new work, tells every WebSocket that it goes away, gives requests under way 10
// s and returns nil when all of its goroutines have ended. It may be called
// once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.stop(errGoingAway)
	web := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	var background sync.WaitGroup
	background.Go(func() { s.guard.run(s.life) })

	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("server: accept on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
		s.draining.Store(true)
		s.stop(errGoingAway) // ends sockets and applications; other requests are short
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if web.Shutdown(patience) != nil {
			web.Close()
		}
		<-served
	}
	s.stop(errGoingAway)
	s.sockets.Wait()
	background.Wait()
	return err
}

// split sends the applications' origins to the proxy and everything else to the
// route table, so that no middleware, cookie or route is shared between them.
func (s *Server) split() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := s.origins.app(r.Host); ok && r.Method != http.MethodConnect {
			s.apps.serve(w, r, id)
			return
		}
		s.engine.ServeHTTP(w, r)
	})
}
