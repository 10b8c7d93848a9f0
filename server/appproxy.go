package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"wheelhouse/labs"
)

// ownPath is the part of an application's origin that is ours and never reaches
// the application.
const (
	ownPath  = "/.wheelhouse/"
	openPath = ownPath + "open"
)

// serve answers for the application with that identifier.
func (a *apps) serve(w http.ResponseWriter, r *http.Request, id string) {
	app := a.get(id)
	switch {
	case app == nil:
		a.refuse(w, http.StatusNotFound, "This application is not open", "It was closed, or Wheelhouse was restarted. Open it again from the lab.")
	case r.URL.Path == openPath && r.Method == http.MethodGet:
		a.enter(w, r, app)
	case strings.HasPrefix(r.URL.Path, ownPath):
		a.refuse(w, http.StatusNotFound, "There is nothing here", "Open the application again from the lab.")
	default:
		a.pass(w, r, app)
	}
}

// enter takes a ticket and leaves a cookie. The ticket's address does not stay
// in the browser's history.
func (a *apps) enter(w http.ResponseWriter, r *http.Request, app *app) {
	cookie, ok := app.grant(r.URL.Query().Get("ticket"))
	if !ok {
		a.refuse(w, http.StatusForbidden, "This link was used before", "A link to an application works once and within a minute. Open it again from the lab.")
		return
	}
	secure := a.server.origins.appScheme == "https"
	http.SetCookie(w, &http.Cookie{Name: a.cookieName(), Value: cookie, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *apps) cookieName() string {
	if a.server.origins.appScheme == "https" {
		return "__Host-wheelhouse-app"
	}
	return "wheelhouse-app"
}

// pass hands the request to the application, if whoever asks still may: the
// log-in, the session and whose it is are looked at with every request.
func (a *apps) pass(w http.ResponseWriter, r *http.Request, app *app) {
	s := a.server
	user, token := a.identify(r, app)
	if user == nil {
		a.refuse(w, http.StatusForbidden, "This application is not open in this browser", "Open it from the lab's page.")
		return
	}
	defer s.labs.Look(app.target.session)()
	access, err := s.labs.Access(r.Context(), user, app.target.session, labs.Write)
	if err != nil {
		p := problemOf(err)
		if p.Status >= 500 {
			s.logger.Error("cannot reach a session's cluster", "session", app.target.session, "err", err)
		}
		a.refuse(w, p.Status, "This application cannot be reached", p.Detail)
		return
	}
	leave, ok := s.limits.proxied.enter(app.target.session)
	if !ok {
		w.Header().Set("Retry-After", "1")
		a.refuse(w, http.StatusTooManyRequests, "Too many requests at once", "The application is still busy with earlier ones. Try again.")
		return
	}
	defer leave()
	forward, err := app.reach(access.Server, access.Admin)
	if err != nil {
		s.logger.Error("cannot reach a session's cluster", "session", app.target.session, "err", err)
		a.refuse(w, http.StatusInternalServerError, "This application cannot be reached", "Something went wrong inside Wheelhouse. Try again.")
		return
	}
	s.labs.Touch(app.target.session)
	s.sockets.Add(1)
	defer s.sockets.Done()
	ctx, release := s.guard.watch(r.Context(), token, user)
	defer release()
	// An application may stream for as long as it likes, both ways.
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Time{})
	control.SetWriteDeadline(time.Time{})
	r.Body = http.MaxBytesReader(w, r.Body, maxAppBody)
	a.proxy(app, forward).ServeHTTP(w, r.WithContext(ctx))
}

// identify returns the user whose browser holds a cookie of this application,
// while the log-in that it was given for lasts.
func (a *apps) identify(r *http.Request, app *app) (user *labs.User, token string) {
	cookie, err := r.Cookie(a.cookieName())
	if err != nil {
		return nil, ""
	}
	token, ok := app.token(cookie.Value)
	if !ok {
		return nil, ""
	}
	user, err = a.server.labs.Authenticate(r.Context(), token)
	if err != nil || user.ID != app.target.userID {
		return nil, ""
	}
	return user, token
}

func (a *apps) proxy(app *app, forward *forward) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     forward.transport,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(a.server.logger.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "app"
			r.Out.Host = r.In.Host // what the application's own links have to say
			cleanRequest(r.Out.Header)
			r.Out.Header.Set("X-Forwarded-Host", r.In.Host)
			r.Out.Header.Set("X-Forwarded-Proto", a.server.origins.appScheme)
		},
		ModifyResponse: func(r *http.Response) error {
			cleanResponse(r.Header)
			if location := r.Header.Get("Location"); location != "" {
				r.Header.Set("Location", app.outside(location, a.server.origins.appURL(app.id)))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { a.explain(w, r, app, err) },
	}
}

// ownCookie tells whether a cookie is Wheelhouse's, on whichever origin. The
// names are reserved: applications neither see nor set them.
func ownCookie(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(strings.ToLower(name), "__host-"), "wheelhouse")
}

// Headers that a client could use to pretend that a proxy says something of it.
var (
	forgeable         = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Proxy-Authorization", "X-Rewrite-Url"}
	forgeablePrefixes = []string{"X-Forwarded-", "X-Original-", "X-Remote-", "X-Wheelhouse-", "Impersonate-"}
)

// cleanRequest takes out of a request what is not the application's to see or
// to believe.
func cleanRequest(h http.Header) {
	for name := range h {
		if slices.Contains(forgeable, name) || slices.ContainsFunc(forgeablePrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			delete(h, name)
		}
	}
	var kept []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if pair = strings.TrimSpace(pair); pair != "" && !ownCookie(strings.TrimSpace(name)) {
				kept = append(kept, pair)
			}
		}
	}
	delete(h, "Cookie")
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// Headers by which an application would reach beyond its own origin:
// Clear-Site-Data takes the cookies of the whole domain with it.
var overreaching = []string{"Clear-Site-Data", "Strict-Transport-Security", "Public-Key-Pins", "Alt-Svc", "Nel", "Report-To", "Reporting-Endpoints"}

// cleanResponse takes out of an answer what is not the application's to say.
// Its cookies are kept to its own host.
func cleanResponse(h http.Header) {
	for _, name := range overreaching {
		h.Del(name)
	}
	cookies := h["Set-Cookie"]
	h.Del("Set-Cookie")
	for _, line := range cookies {
		cookie, err := http.ParseSetCookie(line)
		if err != nil || ownCookie(cookie.Name) {
			continue
		}
		cookie.Domain = ""
		if text := cookie.String(); text != "" {
			h.Add("Set-Cookie", text)
		}
	}
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Origin-Agent-Cluster", "?1")
}

// outside turns a redirect to one of the service's names within the cluster,
// which no browser can resolve, into one within the application's origin. Others
// are left alone; they are the browser's to follow and never followed here.
func (a *app) outside(location, origin string) string {
	to, err := url.Parse(location)
	if err != nil || to.Host == "" {
		return location
	}
	inside := a.target.service + "." + a.target.namespace
	names := []string{a.target.service, inside, inside + ".svc", inside + ".svc.cluster.local"}
	own := strings.EqualFold(to.Host, strings.SplitN(origin, "://", 2)[1])
	if !own && !slices.Contains(names, strings.ToLower(to.Hostname())) {
		return location
	}
	to.Scheme, to.Host, to.User = "", "", nil
	if !strings.HasPrefix(to.Path, "/") {
		to.Path = "/" + to.Path
	}
	return origin + to.String()
}

// explain says on a page why the application did not answer.
func (a *apps) explain(w http.ResponseWriter, r *http.Request, app *app, err error) {
	if r.Context().Err() != nil {
		a.refuse(w, http.StatusServiceUnavailable, "The request was ended", "You were logged out, or Wheelhouse is being restarted.")
		return
	}
	a.server.logger.Info("application did not answer", "session", app.target.session, "namespace", app.target.namespace, "service", app.target.service, "err", err)
	if own, ok := errors.AsType[*forwardError](err); ok {
		a.refuse(w, own.status, own.title, own.detail)
		return
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		a.refuse(w, http.StatusRequestEntityTooLarge, "That is too much", "At most 64 MiB can be sent to an application at once.")
		return
	}
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		a.refuse(w, http.StatusGatewayTimeout, "The application takes too long", "It accepted the connection but did not answer within a minute.")
		return
	}
	a.refuse(w, http.StatusBadGateway, "The application hung up", "It accepted the connection and closed it without an answer. Look at its logs: kubectl logs service/"+app.target.service+" -n "+app.target.namespace)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
