package server

import (
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"wheelhouse/labs"
)

// limits say how often is too often. A class of thirty behind one address has to
// fit through; guessing a password or a class code has not.
type limits struct {
	address  *buckets // any request to the API, by address, before anything is looked up
	user     *buckets // any request to the API, by user
	attempts *buckets // log-ins and class codes that were wrong, by address
	account  *buckets // log-ins that were wrong, by account name and address, and changes of a password, by user
	name     *buckets // log-ins that were wrong, by account name from anywhere
	device   *buckets // log-ins that were wrong, of a browser that has logged in to the account before, by its cookie
	accounts *buckets // that a class code makes, by class
	probes   *buckets // WebSockets that only try whether there can be one, by address
	create   *buckets // things that cost much to make (sessions, classes), by user

	sockets *places // WebSockets, by user
	proxied *places // requests under way to applications, by session
}

// maxNewcomers is how many accounts one class code makes at once: more than any class
// has that begins together.
const maxNewcomers = 300

func newLimits() *limits {
	return &limits{
		address:  newBuckets(200, 1000),
		user:     newBuckets(30, 150),
		attempts: newBuckets(rate.Every(time.Second), 200),
		account:  newBuckets(rate.Every(10*time.Second), 5),
		name:     newBuckets(rate.Every(5*time.Second), 20),
		device:   newBuckets(rate.Every(10*time.Second), 10),
		accounts: newBuckets(rate.Every(30*time.Second), maxNewcomers),
		probes:   newBuckets(2, 60),
		create:   newBuckets(rate.Every(time.Second), 20),
		sockets:  newPlaces(maxSockets),
		proxied:  newPlaces(maxProxied),
	}
}

// buckets are token buckets by key. Full buckets are as good as absent, so the
// map is swept of them when it grows.
type buckets struct {
	limit rate.Limit
	burst int

	mu    sync.Mutex
	byKey map[string]*rate.Limiter
}

// maxKeys bounds the memory of one kind of limit.
const maxKeys = 10_000

func newBuckets(limit rate.Limit, burst int) *buckets {
	return &buckets{limit: limit, burst: burst, byKey: make(map[string]*rate.Limiter)}
}

// take takes one token of key's bucket, or says in how long there will be one.
func (b *buckets) take(key string) (wait time.Duration) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter := b.byKey[key]
	if limiter == nil {
		b.sweep(now)
		limiter = rate.NewLimiter(b.limit, b.burst)
		b.byKey[key] = limiter
	}
	reservation := limiter.ReserveN(now, 1)
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// give gives one token back.
func (b *buckets) give(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limiter := b.byKey[key]; limiter != nil {
		limiter.ReserveN(time.Now(), -1)
	}
}

// sweep makes room for one more key: full buckets go first, then any.
func (b *buckets) sweep(now time.Time) {
	if len(b.byKey) < maxKeys {
		return
	}
	for key, limiter := range b.byKey {
		if limiter.TokensAt(now) >= float64(b.burst) {
			delete(b.byKey, key)
		}
	}
	for key := range b.byKey {
		if len(b.byKey) < maxKeys {
			return
		}
		delete(b.byKey, key)
	}
}

// places count what one key has going on at once.
type places struct {
	most int

	mu    sync.Mutex
	taken map[string]int
}

func newPlaces(most int) *places {
	return &places{most: most, taken: make(map[string]int)}
}

// enter takes a place until leave is called, which may be called more than once.
func (p *places) enter(key string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[key] >= p.most {
		return nil, false
	}
	p.taken[key]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.taken[key]--; p.taken[key] == 0 {
			delete(p.taken, key)
		}
	}), true
}

// limited is the answer to too many requests.
func limited(wait time.Duration, detail string) error {
	return &problem{Status: http.StatusTooManyRequests, Code: string(labs.CodeLimited), Detail: detail, retryAfter: max(wait, time.Second)}
}

// byLink are the ways in with a one-time link. No wrong one keeps a right one out, so
// they have no limit: a link is too long to be guessed, and looking one up is cheap.
var byLink = []string{"/api/login/link", "/api/bootstrap"}

// limitAddress is the first limit, before anything costs anything.
func (s *Server) limitAddress(c *gin.Context) {
	if !isAPI(c.Request) || slices.Contains(byLink, c.Request.URL.Path) {
		return
	}
	if wait := s.limits.address.take(addressKey(c)); wait > 0 {
		s.fail(c, limited(wait, "Too many requests come from your network. Wait a moment, then try again."))
	}
}

// token is one try at something that could be guessed.
type token struct {
	of  *buckets
	key string
}

// attemptLogin limits guesses of the account name's password. A browser that has logged
// in to it before has a bucket of its own: what others try, from the same address or
// from many, does not lock it out.
func (s *Server) attemptLogin(c *gin.Context, name string) (right func(), err error) {
	if device := s.deviceOf(c, name); device != "" {
		return attempt("Too many attempts. Wait a moment, then try again.", token{s.limits.device, device})
	}
	tokens := []token{{s.limits.attempts, addressKey(c)}}
	if name = clip(labs.NameKey(name)); name != "" { // one bucket for all spellings that log in
		tokens = append(tokens, token{s.limits.account, name + " " + addressKey(c)}, token{s.limits.name, name})
	}
	return attempt("Too many attempts at this account or from your network. Wait a moment, then try again, or use a browser in which you "+
		"have logged in before.", tokens...)
}

// attemptCode limits guesses of class codes.
func (s *Server) attemptCode(c *gin.Context) (right func(), err error) {
	return attempt("Too many attempts. Wait a moment, then try again.", token{s.limits.attempts, addressKey(c)})
}

// attemptPassword limits guesses of the present password of a user who is logged in.
func (s *Server) attemptPassword(user *labs.User) (right func(), err error) {
	return attempt("Too many attempts. Wait a moment, then try again.", token{s.limits.account, user.ID})
}

// attempt takes all of tokens, or is an error that says detail. It counts what was wrong
// alone: right is called where it was right, so that a class that comes all at once
// from one address is not held up.
func attempt(detail string, tokens ...token) (right func(), err error) {
	for i, t := range tokens {
		if wait := t.of.take(t.key); wait > 0 {
			for _, taken := range tokens[:i] {
				taken.of.give(taken.key) // what was refused has guessed nothing
			}
			return nil, limited(wait, detail)
		}
	}
	return func() {
		for _, t := range tokens {
			t.of.give(t.key)
		}
	}, nil
}

// addressKey is whom a limit by address counts: an IPv4 address, or the /64 of
// an IPv6 one, which is one customer's.
func addressKey(c *gin.Context) string {
	address, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return "unknown"
	}
	if address = address.Unmap(); address.Is6() {
		if prefix, err := address.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
