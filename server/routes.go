package server

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"
)

// access says who may call a route. Whether a session or a class in its path is
// theirs is checked with every call by package labs.
type access string

const (
	public     access = "public"     // anybody; who asks is not even looked up
	anyone     access = "anyone"     // anybody, but it matters who asks
	person     access = "person"     // whoever is logged in
	instructor access = "instructor" // instructors
)

// route is one line of the table.
type route struct {
	method, path string
	need         access
	mode         Mode // the only mode that has it; "" is both
	handle       func(*gin.Context) error
}

// routes is every route there is. GET changes nothing, whatever the route.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/healthz", public, "", s.getHealth},
		{"GET", "/readyz", public, "", s.getReady},
		{"GET", "/api/openapi.yaml", public, "", s.getOpenAPI},
		{"GET", ProbePath, public, "", s.getProbe},
		{"POST", ProbePath, public, "", s.postProbe},

		{"GET", "/api/me", anyone, "", s.getMe},
		{"POST", "/api/login", public, Serve, s.postLogin},
		{"POST", "/api/login/link", public, "", s.postLoginLink},
		{"POST", "/api/logout", anyone, "", s.postLogout},
		{"POST", "/api/join", anyone, Serve, s.postJoin},
		{"POST", "/api/bootstrap", public, Serve, s.postBootstrap},

		{"GET", "/api/course", person, "", s.getCourse},
		{"GET", "/api/labs/:lab", person, "", s.getLab},
		{"POST", "/api/labs/:lab/sessions", person, "", s.postSession},

		{"GET", "/api/sessions/:session", person, "", s.getSession},
		{"DELETE", "/api/sessions/:session", person, "", s.deleteSession},
		{"GET", "/api/sessions/:session/results", person, "", s.getResults},
		{"POST", "/api/sessions/:session/apps", person, "", s.postApp},
		{"POST", "/api/sessions/:session/answers", person, "", s.postAnswer},
		{"POST", "/api/sessions/:session/hints", person, "", s.postHint},
		{"POST", "/api/sessions/:session/repairs", person, "", s.postRepair},
		{"GET", "/api/sessions/:session/terminals/:terminal", person, "", s.getTerminal},

		{"GET", "/api/classes", person, Serve, s.getClasses},
		{"POST", "/api/classes", instructor, Serve, s.postClass},
		{"GET", "/api/classes/:class", instructor, Serve, s.getClass},
		{"PATCH", "/api/classes/:class", instructor, Serve, s.patchClass},
		{"GET", "/api/classes/:class/sessions/:session", instructor, Serve, s.getClassSession},

		{"POST", "/api/me/password", person, Serve, s.postPassword},
		{"POST", "/api/instructors", instructor, Serve, s.postInstructor},
		{"POST", "/api/classes/:class/code", instructor, Serve, s.postCode},
		{"DELETE", "/api/classes/:class/code", instructor, Serve, s.deleteCode},
		{"PATCH", "/api/classes/:class/students/:student", instructor, Serve, s.patchStudent},
		{"DELETE", "/api/classes/:class/students/:student", instructor, Serve, s.deleteStudent},
		{"POST", "/api/classes/:class/students/:student/password", instructor, Serve, s.postStudentPassword},
		{"DELETE", "/api/classes/:class/students/:student/account", instructor, Serve, s.deleteAccount},

		{"GET", "/api/events", person, "", s.getEvents},
	}
}

// newEngine puts the table and what every request passes through together.
func (s *Server) newEngine(proxies []netip.Prefix) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	trusted := make([]string, len(proxies))
	for i, prefix := range proxies {
		trusted[i] = prefix.String()
	}
	if err := engine.SetTrustedProxies(trusted); err != nil {
		return nil, fmt.Errorf("server: trusted proxies: %w", err)
	}
	engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	engine.Use(s.logRequest, s.securityHeaders(), s.checkHost, s.checkOrigin, s.limitAddress, limitBody)
	for _, r := range s.routes() {
		if r.mode != "" && r.mode != s.mode {
			engine.Handle(r.method, r.path, s.otherMode)
			continue
		}
		engine.Handle(r.method, r.path, s.authenticate(r.need), s.answer(r.handle))
	}
	engine.NoRoute(s.page)
	engine.NoMethod(func(c *gin.Context) {
		s.fail(c, &problem{Status: http.StatusMethodNotAllowed, Code: "Invalid", Detail: "This route does not take that method; /api/openapi.yaml lists those it takes."})
	})
	return engine, nil
}

// answer runs a handler and turns its error into a problem.
func (s *Server) answer(handle func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handle(c); err != nil {
			s.fail(c, err)
		}
	}
}

// otherMode answers for what only a Wheelhouse with accounts has.
func (s *Server) otherMode(c *gin.Context) {
	s.fail(c, notFound(`This Wheelhouse runs for one learner, without accounts and classes. "wheelhouse serve" has them.`))
}
