package server_test

import (
	"slices"
	"strings"
	"testing"

	"wheelhouse/labs"
	"wheelhouse/server"
)

// school is a world with two classes: Ida teaches Ann and Bob, Ivo another one.
type school struct {
	*world
	ida, ivo, ann, bob *client
	class, session     string // Ida's, Ann's
}

func newSchool(t *testing.T) *school {
	t.Helper()
	w := newWorld(t, options{})
	s := &school{
		world: w,
		ida:   w.as(w.user("ida", labs.Instructor)),
		ivo:   w.as(w.user("ivo", labs.Instructor)),
		ann:   w.as(w.user("ann", labs.Student)),
		bob:   w.as(w.user("bob", labs.Student)),
	}
	var class, other struct{ ID, Code string }
	s.ida.do("POST", "/api/classes", map[string]string{"title": "Ida's class"}).want(201).into(&class)
	s.ivo.do("POST", "/api/classes", map[string]string{"title": "Ivo's class"}).want(201).into(&other)
	for _, student := range []*client{s.ann, s.bob} {
		student.do("POST", "/api/join", map[string]string{"code": class.Code}).want(200)
	}
	s.class, s.session = class.ID, s.ann.open("pods")
	return s
}

// may says which status each kind of person gets who tries a route with Ann's
// session and Ida's class in it.
type may struct {
	body                          any
	anonymous, bob, ivo, ida, ann int
}

// access is for every route there is. The ways in are left out by their bodies:
// nothing in them opens anything.
var access = map[string]may{
	"GET /healthz":          {nil, 200, 200, 200, 200, 200},
	"GET /readyz":           {nil, 200, 200, 200, 200, 200},
	"GET /api/openapi.yaml": {nil, 200, 200, 200, 200, 200},
	"GET /api/probe":        {nil, 426, 426, 426, 426, 426},
	"POST /api/probe":       {nil, 204, 204, 204, 204, 204},
	"GET /api/me":           {nil, 200, 200, 200, 200, 200},
	"POST /api/login":       {map[string]string{"name": "nobody", "password": "wrong password"}, 401, 401, 401, 401, 401},
	"POST /api/login/link":  {map[string]string{"secret": "wrong"}, 401, 401, 401, 401, 401},
	"POST /api/bootstrap":   {map[string]string{"secret": "wrong", "name": "eve", "password": "long enough password"}, 401, 401, 401, 401, 401},
	"POST /api/join":        {map[string]string{"code": "AAAA-AAAA", "name": "eve", "password": "long enough password"}, 404, 404, 404, 404, 404},
	"GET /api/course":       {nil, 401, 200, 200, 200, 200},
	"GET /api/labs/:lab":    {nil, 401, 200, 200, 200, 200},
	"GET /api/classes":      {nil, 401, 200, 200, 200, 200},

	"POST /api/labs/:lab/sessions": {nil, 401, 201, 201, 201, 200},

	"GET /api/sessions/:session":                     {nil, 401, 404, 404, 200, 200},
	"GET /api/sessions/:session/results":             {nil, 401, 404, 404, 200, 200},
	"POST /api/sessions/:session/apps":               {map[string]any{"namespace": "default", "service": "web", "port": 80}, 401, 404, 404, 403, 200},
	"POST /api/sessions/:session/answers":            {map[string]any{"step": "one", "check": "exists", "answer": "42"}, 401, 404, 404, 403, 404},
	"POST /api/sessions/:session/hints":              {map[string]any{"step": "one", "hint": 0}, 401, 404, 404, 403, 200},
	"POST /api/sessions/:session/repairs":            {map[string]any{"fault": "Kubeconfig"}, 401, 404, 404, 403, 200},
	"GET /api/sessions/:session/terminals/:terminal": {nil, 401, 404, 404, 426, 426},
	"GET /api/events?session":                        {nil, 401, 404, 404, 426, 426},
	"GET /api/events?class":                          {nil, 401, 404, 404, 426, 404},
	"GET /api/events":                                {nil, 401, 422, 422, 422, 422},

	"POST /api/classes":                         {map[string]string{"title": "Mine"}, 401, 403, 201, 201, 403},
	"GET /api/classes/:class":                   {nil, 401, 403, 404, 200, 403},
	"PATCH /api/classes/:class":                 {map[string]any{"hintCost": 1}, 401, 403, 404, 200, 403},
	"GET /api/classes/:class/sessions/:session": {nil, 401, 403, 404, 200, 403},

	"POST /api/me/password":           {map[string]any{"current": "wrong", "password": "long enough password"}, 401, 403, 403, 403, 403},
	"POST /api/instructors":           {nil, 401, 403, 201, 201, 403},
	"POST /api/classes/:class/code":   {nil, 401, 403, 404, 200, 403},
	"DELETE /api/classes/:class/code": {nil, 401, 403, 404, 200, 403},

	"PATCH /api/classes/:class/students/:student": {map[string]any{"name": "Ann"}, 401, 403, 404, 204, 403},

	// These end Ann's log-in, her account and her place in the class.
	"POST /api/classes/:class/students/:student/password":  {nil, 401, 403, 404, 409, 403}, // her account has no password
	"DELETE /api/classes/:class/students/:student/account": {nil, 401, 403, 404, 204, 401},
	"DELETE /api/classes/:class/students/:student":         {nil, 401, 403, 404, 404, 401},

	"DELETE /api/sessions/:session": {nil, 401, 404, 404, 403, 204},
	"POST /api/logout":              {nil, 204, 204, 204, 204, 204},
}

// last are the routes that end what the others need, in this order.
var last = []string{"DELETE /api/sessions/:session", "POST /api/classes/:class/students/:student/password",
	"DELETE /api/classes/:class/students/:student/account", "DELETE /api/classes/:class/students/:student", "POST /api/logout"}

// TestAccess tries every route of the router as everybody who has no business
// with it, and as those who have.
func TestAccess(t *testing.T) {
	s := newSchool(t)
	routes := []string{"GET /api/events?session", "GET /api/events?class"}
	for _, route := range s.server.Routes() {
		name := route.Method + " " + route.Path
		if _, known := access[name]; !known {
			t.Errorf("route %s is in no table: say in this test who may call it", name)
		}
		if !slices.Contains(last, name) {
			routes = append(routes, name)
		}
	}
	if len(routes)+len(last) != len(access) {
		t.Errorf("got %d routes, want those %d of the table", len(routes)+len(last), len(access))
	}
	path := strings.NewReplacer(":session", s.session, ":class", s.class, ":student", s.ann.user.ID, ":terminal", "main", ":lab", "pods", "?session", "?session="+s.session, "?class", "?class="+s.class)
	for _, name := range append(routes, last...) {
		method, pattern, _ := strings.Cut(name, " ")
		want := access[name]
		for _, try := range []struct {
			who    string
			client *client
			want   int
		}{
			{"nobody", s.browser(), want.anonymous},
			{"Bob, another student of the class", s.bob, want.bob},
			{"Ivo, who teaches another class", s.ivo, want.ivo},
			{"Ida, who teaches the class", s.ida, want.ida},
			{"Ann, whose session it is", s.ann, want.ann},
		} {
			got := try.client.do(method, path.Replace(pattern), want.body)
			if got.StatusCode != try.want {
				t.Errorf("%s as %s: got %d, want %d: %s", name, try.who, got.StatusCode, try.want, got.body)
			}
			if got.StatusCode >= 400 && got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s as %s: a refusal of type %q, want application/problem+json", name, try.who, got.Header.Get("Content-Type"))
			}
		}
	}
}

// TestSocketAccess tries what a plain GET cannot tell: who gets through the upgrade.
func TestSocketAccess(t *testing.T) {
	s := newSchool(t)
	for _, path := range []string{"/api/events?session=" + s.session, "/api/events?class=" + s.class, "/api/sessions/" + s.session + "/terminals/main"} {
		for who, client := range map[string]*client{"nobody": s.browser(), "Bob": s.bob, "Ivo": s.ivo} {
			conn, refused := client.dial(path)
			if conn != nil {
				t.Errorf("%s as %s: got a WebSocket, want a refusal", path, who)
			} else if refused.StatusCode != 401 && refused.StatusCode != 404 {
				t.Errorf("%s as %s: got %d, want 401 or 404", path, who, refused.StatusCode)
			}
		}
	}
}

// TestLearn tries what a Wheelhouse for one learner does not have.
func TestLearn(t *testing.T) {
	w := newWorld(t, options{mode: server.Learn})
	secret, err := w.labs.LearnerLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := w.browser()
	c.do("POST", "/api/login/link", map[string]string{"secret": secret}).want(200)
	var me struct {
		Mode string
		User *struct{ Role string }
	}
	c.do("GET", "/api/me", nil).want(200).into(&me)
	if me.Mode != "learn" || me.User == nil {
		t.Errorf("got %+v, want the learner", me)
	}
	for _, route := range []string{"POST /api/login", "POST /api/join", "POST /api/bootstrap", "GET /api/classes", "POST /api/classes"} {
		method, path, _ := strings.Cut(route, " ")
		if got := c.do(method, path, map[string]string{}).want(404); !strings.Contains(got.detail(), "wheelhouse serve") {
			t.Errorf("%s: got %q, want it to name what has accounts", route, got.detail())
		}
	}
	c.do("POST", "/api/login/link", map[string]string{"secret": secret}).want(401) // it was used
}
