package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"wheelhouse/server"
)

const rightPassword = "correct horse battery"

// newInstructor makes the account of Ida, and returns the browser in which she did.
func (w *world) newInstructor() *client {
	w.t.Helper()
	secret, err := w.labs.BootstrapLink(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.server.KeepWrongLogins()
	ida := w.browser()
	ida.do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ida", "password": rightPassword}).want(200)
	return ida
}

// logIn tries a password of name.
func (c *client) logIn(name, password string, headers ...string) *answer {
	c.w.t.Helper()
	return c.do("POST", "/api/login", map[string]string{"name": name, "password": password}, headers...)
}

// guess tries wrong passwords of Ida until they are refused, each from the address of
// from, and fails where more than most are answered.
func (w *world) guess(most int, from func(i int) string) {
	w.t.Helper()
	for i := range most + 1 {
		if w.browser().logIn("ida", fmt.Sprint("wrong password ", i), "X-Forwarded-For", from(i)).StatusCode == 429 {
			return
		}
	}
	w.t.Errorf("more than %d guesses are answered", most)
}

func oneAddress(int) string { return "192.0.2.1" }

// TestLockOut has an attacker guess the instructor's password: they are slowed, and who
// has logged in from their browser before gets in all the same.
func TestLockOut(t *testing.T) {
	for _, try := range []struct {
		name string
		most int
		from func(i int) string
	}{
		{"from the same address", 6, oneAddress},
		{"from many addresses", 22, func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }},
	} {
		t.Run(try.name, func(t *testing.T) {
			w := newWorld(t, options{proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			ida := w.newInstructor()
			ida.do("POST", "/api/logout", nil).want(204)
			w.guess(try.most, try.from)
			// The limit is no oracle: from a strange browser the right one is refused, too.
			w.browser().logIn("Ida", rightPassword, "X-Forwarded-For", try.from(0)).want(429)
			for _, name := range []string{"Ida", " IDA ", "Ida"} {
				ida.logIn(name, rightPassword, "X-Forwarded-For", try.from(0)).want(200)
			}
			// What is guessed in her browser is slowed by itself.
			for range 10 {
				ida.logIn("ida", "wrong password", "X-Forwarded-For", try.from(0)).want(401)
			}
			ida.logIn("ida", rightPassword, "X-Forwarded-For", try.from(0)).want(429)
		})
	}
	t.Run("a browser of somebody else", func(t *testing.T) {
		w := newWorld(t, options{})
		var class struct{ Code string }
		ida := w.newInstructor()
		ida.do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&class)
		ben := w.browser()
		ben.do("POST", "/api/join", map[string]string{"code": class.Code, "name": "Ben", "password": rightPassword}).want(200)
		for range 5 {
			ben.logIn("ida", "wrong password").want(401)
		}
		ben.logIn("ida", "wrong password").want(429)
		ben.logIn("ben", rightPassword).want(200)
		// One browser is known for both once both have logged in there.
		ida.do("POST", "/api/logout", nil).want(204)
		ida.logIn("ben", rightPassword).want(200)
		ida.logIn("ida", rightPassword).want(200)
	})
	t.Run("a password can be changed meanwhile", func(t *testing.T) {
		w := newWorld(t, options{})
		ida := w.newInstructor()
		w.guess(6, oneAddress)
		ida.do("POST", "/api/me/password", map[string]string{"current": rightPassword, "password": "another horse battery"}).want(204)
		for range 5 {
			ida.do("POST", "/api/me/password", map[string]string{"current": "wrong", "password": "another horse battery"}).want(403)
		}
		ida.do("POST", "/api/me/password", map[string]string{"current": "wrong", "password": "another horse battery"}).want(429)
	})
	t.Run("right links, after any number of wrong ones", func(t *testing.T) {
		w := newWorld(t, options{})
		w.server.LimitAddress(5)
		secret, err := w.labs.BootstrapLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			w.browser().do("POST", "/api/login/link", map[string]string{"secret": fmt.Sprint(i)}).want(401)
		}
		w.browser().do("POST", "/api/login/link", map[string]string{"secret": secret}).want(200)
		w.browser().do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ida", "password": rightPassword}).want(200)
	})
	t.Run("a class of thirty that joins at once behind the attacker's address", func(t *testing.T) {
		w := newWorld(t, options{})
		var class struct{ Code string }
		w.newInstructor().do("POST", "/api/classes", map[string]string{"title": "Monday"}).want(201).into(&class)
		w.guess(6, oneAddress)
		var students sync.WaitGroup
		for i := range 30 {
			browser := w.browser()
			students.Go(func() {
				name := fmt.Sprint("student ", i)
				got := browser.do("POST", "/api/join", map[string]string{"code": class.Code, "name": name, "password": rightPassword})
				again := browser.logIn(name, rightPassword)
				if got.StatusCode != 200 || again.StatusCode != 200 {
					t.Errorf("%s: %d %s, %d %s", name, got.StatusCode, got.detail(), again.StatusCode, again.detail())
				}
			})
		}
		students.Wait()
	})
}

// TestDevices: what a browser remembers is good for the account that it is of, and for
// the server that has signed it, also after a restart.
func TestDevices(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	entry := server.NewDevices(key).Issue("Ida")
	changed := []byte(entry)
	changed[3] ^= 1
	for _, try := range []struct {
		name   string
		key    []byte
		cookie string
		of     string
		want   bool
	}{
		{"after a restart", key, entry, "ida", true},
		{"beside others", key, server.NewDevices(key).Issue("Ben") + "." + entry, "Ida", true},
		{"of another account", key, entry, "ben", false},
		{"of another server", nil, entry, "ida", false},
		{"changed", key, string(changed), "ida", false},
		{"cut", key, entry[:20], "ida", false},
		{"none", key, "", "ida", false},
		{"too many", key, strings.Repeat("x.", 5) + entry, "ida", false},
	} {
		if got := server.NewDevices(try.key).Find(try.cookie, try.of) != ""; got != try.want {
			t.Errorf("%s: got %t, want %t", try.name, got, try.want)
		}
	}
}
