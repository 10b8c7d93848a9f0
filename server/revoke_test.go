package server_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/labs"
	"wheelhouse/server"
)

// TestRevocation ends log-ins in every way there is, and looks how long their
// sockets live on and whether what they send still counts.
func TestRevocation(t *testing.T) {
	const limit = 2 * time.Second
	for _, try := range []struct {
		name   string
		limits labs.Limits
		end    func(w *world, c *client, id string)
		want   int
	}{
		{"log-out in another tab", labs.Limits{}, func(_ *world, c *client, _ string) { c.do("POST", "/api/logout", nil).want(204) }, 4401},
		{"log-out that this server was not asked for", labs.Limits{}, func(w *world, c *client, _ string) {
			for _, cookie := range c.http.Jar.Cookies(mustParse(w.url)) {
				if err := w.labs.Logout(context.Background(), cookie.Value); err != nil {
					t.Error(err)
				}
			}
		}, 4401},
		{"expiry", labs.Limits{Login: 3 * time.Second}, func(_ *world, c *client, _ string) {
			c.w.until("the log-in expires", func() bool { return c.do("GET", "/api/course", nil).StatusCode == 401 })
		}, 4401},
		{"the session's end", labs.Limits{}, func(_ *world, c *client, id string) { c.do("DELETE", "/api/sessions/"+id, nil).want(204) }, 4409},
	} {
		t.Run(try.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{limits: try.limits})
			ann := w.as(w.user("ann", labs.Student))
			id := ann.open("pods")
			shell := newScreen(t, ann.socket("/api/sessions/"+id+"/terminals/main"))
			shell.send("stty -echo; echo ready-$((40+2))\n")
			shell.until("ready-42")
			events := newScreen(t, ann.socket("/api/events?session="+id))

			try.end(w, ann, id)
			start := time.Now()
			if got := shell.closed(limit); got != try.want {
				t.Errorf("terminal: got close code %d, want %d", got, try.want)
			}
			took := time.Since(start)
			shell.conn.WriteMessage(2, []byte("echo too-late\n"))
			if try.want == 4401 {
				if got := events.closed(limit - took); got != try.want {
					t.Errorf("events: got close code %d, want %d", got, try.want)
				}
			}
			t.Logf("the terminal was closed after %s", took.Round(time.Millisecond))
			if strings.Contains(shell.text(), "too-late") {
				t.Error("input counted after the end")
			}
		})
	}
}

// TestShutdown ends the server under open sockets: they are told, and Serve
// returns.
func TestShutdown(t *testing.T) {
	w := newWorld(t, options{})
	ann := w.as(w.user("ann", labs.Student))
	id := ann.open("pods")
	ann.http.CloseIdleConnections()
	before := runtime.NumGoroutine()
	shell := newScreen(t, ann.socket("/api/sessions/"+id+"/terminals/main"))
	shell.send("yes\n")
	shell.until("y\r\ny\r\n")
	ann.socket("/api/events?session=" + id)
	start := time.Now()
	if err := w.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Serve took %s to end", took)
	}
	if got := shell.closed(time.Second); got != 1001 {
		t.Errorf("got close code %d, want 1001", got)
	}
	// The agent's shell lives on, with the goroutines that it has there.
	const shells = 8
	w.until("goroutines end", func() bool { return runtime.NumGoroutine() <= before+shells })
}

// TestGuard changes what a log-in stands for, in every way that a store can
// tell, and looks when what hangs on it ends.
func TestGuard(t *testing.T) {
	ann := labs.User{ID: "u_ann", Name: "ann", Role: labs.Instructor}
	demoted, other := ann, ann
	demoted.Role = labs.Student
	other.ID = "u_bob"
	for _, try := range []struct {
		name string
		user *labs.User
		err  error
		ends bool
	}{
		{"nothing changes", &ann, nil, false},
		{"another role", &demoted, nil, true},
		{"another user", &other, nil, true},
		{"no such log-in", nil, &labs.Error{Code: labs.CodeUnauthorized}, true},
		{"the database does not answer", nil, errors.New("disk I/O error"), false},
		{"the database is busy", nil, &labs.Error{Code: labs.CodeUnavailable}, false},
	} {
		t.Run(try.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				life, end := context.WithCancelCause(t.Context())
				var changed atomic.Bool
				guard := server.NewGuard(life, func(context.Context, string) (*labs.User, error) {
					if changed.Load() {
						return try.user, try.err
					}
					return &ann, nil
				}, slog.New(slog.DiscardHandler))
				go guard.Run(life)
				ctx, release := guard.Watch(t.Context(), "token", &ann)
				time.Sleep(time.Minute) // of the bubble's own time
				if ctx.Err() != nil {
					t.Fatal("it ended while nothing had changed")
				}
				changed.Store(true)
				time.Sleep(2 * time.Second)
				if ended := ctx.Err() != nil; ended != try.ends {
					t.Errorf("after 2 s: ended %v, want %v", ended, try.ends)
				}
				release()
				if got := guard.Watched(); got != 0 {
					t.Errorf("got %d log-ins watched after release, want none", got)
				}
				changed.Store(false)
				going := errors.New("going away")
				still, release := guard.Watch(t.Context(), "token", &ann)
				defer release()
				end(going)
				synctest.Wait()
				if context.Cause(still) != going {
					t.Errorf("at the server's end: got cause %v, want %v", context.Cause(still), going)
				}
			})
		})
	}
}
