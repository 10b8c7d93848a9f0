// Package control is how commands on the same machine talk to a server that runs: HTTP
// on a Unix socket in its data folder, which only the folder's owner can reach. Whoever
// can is the server's operator, and is not asked who they are.
//
//	GET  /status                          Status
//	POST /sessions/{session}/close        204: the session is over, or there is none
//
// Errors are text, for people.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Socket is the socket's name in the data folder.
const Socket = "control.sock"

// Status is what a server says of itself.
type Status struct {
	Version   string    `json:"version"`
	Mode      string    `json:"mode"` // "learn" or "serve"
	URL       string    `json:"url"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"startedAt"`
	Problem   string    `json:"problem,omitempty"` // what keeps labs from being opened
	Clusters  Clusters  `json:"clusters"`
}

// Clusters are the pool's numbers.
type Clusters struct {
	Warm     int `json:"warm"`     // ready, and not claimed yet
	Creating int `json:"creating"` // on their way
	Claimed  int `json:"claimed"`  // of sessions
	Deleting int `json:"deleting"` // on their way out
	Waiting  int `json:"waiting"`  // sessions in line for one
	Max      int `json:"max"`      // that may exist at once; 0 is no limit
}

// Options are what a handler passes on to. All are required.
type Options struct {
	Status func(context.Context) Status
	Close  func(ctx context.Context, session string) error
	Logger *slog.Logger
}

// Handler answers the commands.
func Handler(options Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(options.Status(r.Context())); err != nil {
			options.Logger.Debug("control: status not sent", "error", err)
		}
	})
	mux.HandleFunc("POST /sessions/{session}/close", func(w http.ResponseWriter, r *http.Request) {
		session := r.PathValue("session")
		options.Logger.Info("control: a session is closed on request", "session", session)
		if err := options.Close(r.Context(), session); err != nil {
			options.Logger.Warn("control: session not closed", "session", session, "error", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// Client asks a server.
type Client struct{ http http.Client }

// NewClient returns a client whose connections dial makes.
func NewClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}}}
}

// Status asks how the server is.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	body, err := c.do(ctx, http.MethodGet, "/status")
	if err != nil {
		return nil, err
	}
	var status Status
	if err := json.Unmarshal(body, &status); err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	return &status, nil
}

// Close ends a session, whose cluster is deleted then. It returns when the end is
// stored. A session that is over already is no error.
func (c *Client) Close(ctx context.Context, session string) error {
	_, err := c.do(ctx, http.MethodPost, "/sessions/"+url.PathEscape(session)+"/close")
	return err
}

// most is more than any answer holds, in bytes.
const most = 1 << 20

func (c *Client) do(ctx context.Context, method, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://wheelhouse"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the server that runs: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if response.StatusCode >= 300 {
		return nil, errors.New(strings.TrimSpace(string(body)))
	}
	return body, nil
}
