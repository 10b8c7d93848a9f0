package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"wheelhouse/labs"
)

// TestLimits asks too often and sends too much.
func TestLimits(t *testing.T) {
	// repeat asks until there is a 429, and checks it.
	repeat := func(t *testing.T, most int, ask func(i int) *answer) {
		t.Helper()
		for i := range most {
			got := ask(i)
			if got.StatusCode != http.StatusTooManyRequests {
				continue
			}
			if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 {
				t.Errorf("got Retry-After %q, want seconds", got.Header.Get("Retry-After"))
			}
			t.Logf("refused after %d: %s", i, got.detail())
			return
		}
		t.Errorf("%d times, and never 429", most)
	}
	t.Run("one account's password", func(t *testing.T) {
		w := newWorld(t, options{})
		c := w.browser()
		repeat(t, 50, func(i int) *answer {
			return c.do("POST", "/api/login", map[string]string{"name": []string{"ann", "ANN"}[i%2], "password": "wrong password"})
		})
		c.do("POST", "/api/login", map[string]string{"name": "bob", "password": "wrong password"}).want(401)
	})
	t.Run("one account's password, in all spellings that log in", func(t *testing.T) {
		w := newWorld(t, options{})
		c := w.browser()
		spellings := []string{" ann", "ann ", "\uFF41\uFF4E\uFF4E", "\u3000ANN", strings.Repeat(" ", 70) + "ann"}
		repeat(t, 50, func(i int) *answer {
			return c.do("POST", "/api/login", map[string]string{"name": spellings[i%len(spellings)], "password": "wrong password"})
		})
	})
	t.Run("one account's password, under forged addresses", func(t *testing.T) {
		w := newWorld(t, options{})
		c := w.browser()
		repeat(t, 50, func(i int) *answer {
			return c.do("POST", "/api/login", map[string]string{"name": "ann", "password": "wrong password"}, "X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i))
		})
	})
	t.Run("class codes", func(t *testing.T) {
		w := newWorld(t, options{})
		ann := w.as(w.user("ann", labs.Student))
		repeat(t, 2000, func(i int) *answer {
			return ann.do("POST", "/api/join", map[string]string{"code": fmt.Sprintf("AAAA-%04d", i)})
		})
	})
	t.Run("links are too long to be guessed, and wrong ones lock nobody out", func(t *testing.T) {
		w := newWorld(t, options{})
		for i := range 300 {
			w.browser().do("POST", "/api/login/link", map[string]string{"secret": strconv.Itoa(i)}).want(401)
		}
		w.browser().do("POST", "/api/login/link", map[string]string{"secret": w.link(w.user("ann", labs.Student))}).want(200)
	})
	t.Run("a class that joins at once from one address", func(t *testing.T) {
		w := newWorld(t, options{})
		var class struct{ Code string }
		w.as(w.user("ida", labs.Instructor)).do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&class)
		for i := range 250 { // who are logged in already, since making an account takes time
			w.as(w.user(fmt.Sprintf("student %d", i), labs.Student)).do("POST", "/api/join", map[string]string{"code": class.Code}).want(200)
		}
	})
	t.Run("accounts of one class code", func(t *testing.T) {
		w := newWorld(t, options{})
		w.server.LimitAccounts(3)
		var class struct{ Code string }
		ida := w.as(w.user("ida", labs.Instructor))
		ida.do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&class)
		join := func(name string) *answer {
			return w.browser().do("POST", "/api/join", map[string]string{"code": class.Code, "name": name, "password": "correct horse battery"})
		}
		join("ann").want(200)
		join("ann").want(409) // a name that is taken makes no account
		join("").want(422)
		join("bob").want(200)
		join("cat").want(200)
		if got := join("dan").want(429); !strings.Contains(got.detail(), "with this class code") {
			t.Errorf("got %q", got.detail())
		}
		// Whoever has an account joins all the same, and another class is another matter.
		w.as(w.user("eve", labs.Student)).do("POST", "/api/join", map[string]string{"code": class.Code}).want(200)
		ida.do("POST", "/api/classes", map[string]string{"title": "Tuesday"}).want(201).into(&class)
		join("dan").want(200)
	})
	t.Run("right passwords do not count", func(t *testing.T) {
		w := newWorld(t, options{})
		secret, err := w.labs.BootstrapLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		account := map[string]string{"secret": secret, "name": "ida", "password": "correct horse battery"}
		w.browser().do("POST", "/api/bootstrap", account).want(200)
		for range 12 {
			w.browser().do("POST", "/api/login", map[string]string{"name": "ida", "password": "correct horse battery"}).want(200)
		}
	})
	t.Run("sessions", func(t *testing.T) {
		w := newWorld(t, options{})
		ann := w.as(w.user("ann", labs.Student))
		repeat(t, 2000, func(int) *answer { return ann.do("POST", "/api/labs/pods/sessions", nil) })
	})
	t.Run("labs at the same time", func(t *testing.T) {
		w := newWorld(t, options{})
		ann := w.as(w.user("ann", labs.Student))
		ann.open("pods")
		ann.open("services")
		if got := ann.do("POST", "/api/labs/volumes/sessions", nil).want(429); !strings.Contains(got.detail(), "Lab pods and Lab services") {
			t.Errorf("got %q, want it to name what is open", got.detail())
		}
	})
	t.Run("a user's requests", func(t *testing.T) {
		w := newWorld(t, options{})
		ann := w.as(w.user("ann", labs.Student))
		repeat(t, 20000, func(int) *answer { return ann.do("GET", "/api/me", nil) })
	})
	t.Run("sockets", func(t *testing.T) {
		w := newWorld(t, options{})
		ann := w.as(w.user("ann", labs.Student))
		id := ann.open("pods")
		open := 0
		repeat(t, 40, func(int) *answer {
			conn, refused := ann.dial("/api/events?session=" + id)
			if conn != nil {
				open++
				return &answer{Response: &http.Response{}}
			}
			return refused
		})
		if open != 24 {
			t.Errorf("got %d sockets, want 24", open)
		}
	})
}

// TestBodies sends bodies that are no proper JSON of the route.
func TestBodies(t *testing.T) {
	w := newWorld(t, options{})
	c := w.browser()
	for _, try := range []struct {
		name, kind, body string
		want             int
	}{
		{"no type", "", `{}`, 415},
		{"a form", "application/x-www-form-urlencoded", "secret=1", 415},
		{"text", "text/plain", `{"secret":"x"}`, 415},
		{"with a character set", "application/json; charset=utf-8", `{"secret":"x"}`, 401},
		{"nothing", "application/json", "", 400},
		{"no JSON", "application/json", "{", 400},
		{"another type", "application/json", `{"secret":1}`, 400},
		{"an unknown field", "application/json", `{"secret":"x","role":"Instructor"}`, 400},
		{"two values", "application/json", `{"secret":"x"} {}`, 400},
		{"a huge value", "application/json", `{"secret":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"huge white space", "application/json", `{"secret":"x"}` + strings.Repeat(" ", 1<<20), 413},
		{"deep nesting", "application/json", strings.Repeat("[", 60000), 400},
	} {
		r, _ := http.NewRequest("POST", w.url+"/api/login/link", strings.NewReader(try.body))
		r.Header.Set("Origin", w.url)
		if try.kind != "" {
			r.Header.Set("Content-Type", try.kind)
		}
		c.send(r).want(try.want)
	}
	// A body that no route reads is capped as well, sized or not.
	r, _ := http.NewRequest("POST", w.url+"/api/logout", io.LimitReader(endless{}, 10<<20))
	r.Header.Set("Origin", w.url)
	if response, err := c.http.Do(r); err == nil {
		response.Body.Close()
	}
	huge, _ := http.NewRequest("GET", w.url+"/api/me", nil)
	huge.Header.Set("X-Huge", strings.Repeat("x", 64<<10))
	if response, err := c.http.Do(huge); err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge header: got %+v, %v, want 431", response, err)
	} else {
		response.Body.Close()
	}
	if !json.Valid(bytes.TrimSpace(c.do("GET", "/api/me", nil).want(200).body)) {
		t.Error("the server is confused after all that")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
