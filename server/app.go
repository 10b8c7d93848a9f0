package server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

// Limits of applications.
const (
	appIDLen    = 32               // hexadecimal digits: 128 random bits
	maxApps     = 32               // open at once, of one user; the oldest makes room
	maxEntries  = 8                // tickets, and browsers, of one application
	ticketLife  = time.Minute      // from the click in the lab to the first request
	maxProxied  = 64               // requests under way to the applications of one session
	maxAppBody  = 64 << 20         // bytes of one request's body
	appHeader   = 64 << 10         // bytes of an answer's header
	appPatience = 60 * time.Second // for an answer's header
)

// appTarget is what an application's origin shows.
type appTarget struct {
	userID, session    string
	namespace, service string
	port               int
}

// app is one service of one session's cluster, shown on an origin of its own.
// Who may look has a cookie on that origin, which they got for a ticket, which
// they got from the API. The origin's name alone opens nothing: names travel
// through DNS and in Referer headers.
type app struct {
	id     string
	target appTarget
	opened time.Time

	mu      sync.Mutex
	tickets []entry // not used yet
	grants  []entry // cookies given out
	forward *forward
}

// entry is a secret and the log-in that it stands for.
type entry struct {
	secret, token string
	since         time.Time
}

// apps are all open applications. They live in memory: after a restart a page
// says to open the application again.
type apps struct {
	server *Server

	mu   sync.Mutex
	byID map[string]*app
}

func newApps(s *Server) *apps { return &apps{server: s, byID: make(map[string]*app)} }

type appJSON struct {
	URL string `json:"url"`
}

var labelPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// postApp answers a URL that opens a service of the session's cluster in this
// browser, once and within a minute. Whether the service exists is said there,
// where it can be tried again.
func (s *Server) postApp(c *gin.Context) error {
	var in struct {
		Namespace, Service string
		Port               int
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if !labelPattern.MatchString(in.Namespace) || !labelPattern.MatchString(in.Service) || in.Port < 1 || in.Port > 65535 {
		return invalid("Name the application by namespace, service and port, as in default, intro and 80.")
	}
	ctx, user, id := c.Request.Context(), userOf(c), c.Param("session")
	if _, err := s.labs.Access(ctx, user, id, labs.Write); err != nil {
		return err
	}
	if s.origins.appScheme == "" {
		return &labs.Error{Code: labs.CodeUnavailable, Message: "Applications cannot be shown: this Wheelhouse is reached by an address that has no subdomains. Whoever runs it can give it a name for them with --apps-url."}
	}
	app := s.apps.open(appTarget{userID: user.ID, session: id, namespace: in.Namespace, service: in.Service, port: in.Port})
	c.JSON(http.StatusOK, appJSON{URL: s.origins.appURL(app.id) + openPath + "?ticket=" + app.ticket(tokenOf(c))})
	return nil
}

// open returns the application that shows target, a new one where there is none.
func (a *apps) open(target appTarget) *app {
	a.mu.Lock()
	defer a.mu.Unlock()
	var own []*app
	for _, app := range a.byID {
		if app.target == target {
			app.opened = time.Now()
			return app
		}
		if app.target.userID == target.userID {
			own = append(own, app)
		}
	}
	if len(own) >= maxApps {
		oldest := slices.MinFunc(own, func(x, y *app) int { return x.opened.Compare(y.opened) })
		delete(a.byID, oldest.id)
	}
	app := &app{id: secret(), target: target, opened: time.Now()}
	a.byID[app.id] = app
	return app
}

func (a *apps) get(id string) *app {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[id]
}

// ticket returns a secret that grants a browser access, once.
func (a *app) ticket(token string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return add(&a.tickets, token)
}

// grant uses up a ticket and returns the cookie's value for it.
func (a *app) grant(ticket string) (cookie string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, t := range a.tickets {
		if t.secret == ticket {
			a.tickets = slices.Delete(a.tickets, i, i+1)
			if time.Since(t.since) > ticketLife {
				return "", false
			}
			return add(&a.grants, t.token), true
		}
	}
	return "", false
}

// token returns the log-in that a cookie stands for.
func (a *app) token(cookie string) (token string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.grants {
		if g.secret == cookie {
			return g.token, true
		}
	}
	return "", false
}

// add appends a new secret for token; the oldest makes room.
func add(to *[]entry, token string) string {
	if len(*to) >= maxEntries {
		*to = slices.Delete(*to, 0, 1)
	}
	e := entry{secret: secret(), token: token, since: time.Now()}
	*to = append(*to, e)
	return e.secret
}

// secret is 128 random bits in hexadecimal.
func secret() string {
	var b [appIDLen / 2]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
