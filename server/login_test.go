package server_test

import (
	"net/http"
	"strings"
	"testing"

	"wheelhouse/labs"
)

type me struct {
	Mode, Version string
	User          *struct{ ID, Name, Role string }
	Bootstrap     bool
}

// TestPeople walks the ways in: the first instructor, a class, students who join
// it, log-out and log-in.
func TestPeople(t *testing.T) {
	w := newWorld(t, options{})
	secret, err := w.labs.BootstrapLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got me
	ida := w.browser()
	ida.do("GET", "/api/me", nil).want(200).into(&got)
	if got.User != nil || !got.Bootstrap || got.Mode != "serve" || got.Version != "v0.0.0-test" {
		t.Errorf("before the first instructor: got %+v", got)
	}
	ida.do("POST", "/api/login/link", map[string]string{"secret": secret}).want(200).into(&got)
	if got.User != nil || !got.Bootstrap {
		t.Errorf("the first instructor's link: got %+v, want nobody logged in and bootstrap", got)
	}
	ida.do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ida", "password": "correct horse battery"}).want(200).into(&got)
	if got.User == nil || got.User.Role != "Instructor" || got.User.Name != "Ida" {
		t.Errorf("bootstrap: got %+v, want Ida", got)
	}
	var class struct {
		ID, Title, Code string
		Teaching        bool
	}
	ida.do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&class)
	if class.Code == "" || !class.Teaching {
		t.Errorf("class: got %+v, want one with a code that Ida teaches", class)
	}
	ann := w.browser()
	ann.do("POST", "/api/join", map[string]string{"code": class.Code, "name": "Ann", "password": "correct horse battery"}).want(200).into(&got)
	if got.User == nil || got.User.Role != "Student" {
		t.Errorf("join: got %+v, want the student Ann", got)
	}
	var classes struct {
		Classes []struct {
			ID, Code string
			Teaching bool
		}
	}
	ann.do("GET", "/api/classes", nil).want(200).into(&classes)
	if len(classes.Classes) != 1 || classes.Classes[0].Teaching || classes.Classes[0].Code != "" {
		t.Errorf("a student's classes: got %+v, want one without its code", classes)
	}
	ann.do("POST", "/api/logout", nil).want(204)
	got = me{}
	ann.do("GET", "/api/me", nil).want(200).into(&got)
	if got.User != nil {
		t.Errorf("after log-out: got %+v, want nobody", got)
	}
	ann.do("GET", "/api/course", nil).want(401)
	ann.do("POST", "/api/login", map[string]string{"name": "ann", "password": "wrong password"}).want(401)
	ann.do("POST", "/api/login", map[string]string{"name": "ann", "password": "correct horse battery"}).want(200)
	ann.do("GET", "/api/course", nil).want(200)
}

// TestCookie looks at how a log-in is kept in the browser.
func TestCookie(t *testing.T) {
	for _, try := range []struct {
		name  string
		https bool
		want  string
	}{
		{"loopback", false, "wheelhouse"},
		{"https", true, "__Host-wheelhouse"},
	} {
		t.Run(try.name, func(t *testing.T) {
			w := newWorld(t, options{https: try.https})
			c := w.browser()
			c.http.Jar = nil // it would not send a Secure cookie over the test's plain connection
			r, _ := http.NewRequest("POST", "http://"+strings.SplitN(w.url, "://", 2)[1]+"/api/login/link", strings.NewReader(`{"secret":"`+w.link(w.user("ann", labs.Student))+`"}`))
			r.Header.Set("Origin", w.url)
			r.Header.Set("Content-Type", "application/json")
			answer := c.send(r).want(200)
			cookies := answer.Cookies()
			if len(cookies) != 2 {
				t.Fatalf("got %d cookies, want 2", len(cookies))
			}
			device := cookies[1]
			if device.Name != try.want+"-device" || !device.HttpOnly || device.Secure != try.https || device.SameSite != http.SameSiteStrictMode || device.Path != "/" || device.Domain != "" || device.MaxAge <= 0 {
				t.Errorf("got cookie %+v", device)
			}
			got := cookies[0]
			if got.Name != try.want || !got.HttpOnly || got.Secure != try.https || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.MaxAge <= 0 {
				t.Errorf("got cookie %+v, want %s, HttpOnly, SameSite=Lax, Path=/, no Domain, Secure %v", got, try.want, try.https)
			}
			if hsts := answer.Header.Get("Strict-Transport-Security"); (hsts != "") != try.https {
				t.Errorf("got Strict-Transport-Security %q", hsts)
			}
		})
	}
}

// TestLog looks for secrets in everything that is logged.
func TestLog(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.user("ann", labs.Student)
	c := w.browser()
	secret := w.link(ann)
	login := c.do("POST", "/api/login/link", map[string]string{"secret": secret}).want(200)
	c.user = ann
	id := c.open("pods")
	var app struct{ URL string }
	c.do("POST", "/api/sessions/"+id+"/apps", map[string]any{"namespace": "default", "service": "web", "port": 80}).want(200).into(&app)
	c.do("POST", "/api/login", map[string]string{"name": "ann", "password": "a password nobody has"}).want(401)
	c.do("GET", "/api/me?token=in-the-query", nil).want(200)
	terminal := c.socket("/api/sessions/" + id + "/terminals/main?epoch=&offset=0")
	typed := newScreen(t, terminal)
	typed.send("echo typed-by-the-student\n")
	typed.until("typed-by-the-student")
	_, ticket, _ := strings.Cut(app.URL, "ticket=")
	r, _ := http.NewRequest("GET", app.URL, nil)
	entered := c.send(r).want(303)
	c.do("POST", "/api/logout", nil).want(204)

	log := w.logs.String()
	if !strings.Contains(log, "/api/login/link") || !strings.Contains(log, ann.ID) {
		t.Errorf("the log lacks requests and users:\n%s", log)
	}
	for what, text := range map[string]string{
		"the log-in's token":       login.Cookies()[0].Value,
		"the link's secret":        secret,
		"a password":               "a password nobody has",
		"a query":                  "in-the-query",
		"keystrokes":               "typed-by-the-student",
		"an application's ticket":  ticket,
		"an application's cookie":  entered.Cookies()[0].Value,
		"a cluster's private keys": "PRIVATE KEY",
	} {
		if text == "" || strings.Contains(log, text) {
			t.Errorf("the log holds %s (%q)", what, text)
		}
	}
}
