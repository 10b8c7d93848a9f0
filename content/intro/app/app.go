// Package app is the handler of the intro application: its page, its health and
// the load that it makes on request. It keeps everything in memory, so that a new
// pod begins from nothing, which is one of the things that it is there to show.
package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// App is the whole application as one http.Handler.
type App struct {
	config   Config
	mux      *http.ServeMux
	started  time.Time
	visits   atomic.Int64 // how often the page was asked for, in whatever form
	requests atomic.Int64
	health   toggle
	ready    toggle
	load     load
}

// state is the page as data.
type state struct {
	Version string `json:"version"`
	Host    string `json:"host"`
	Who     string `json:"who"`
	Likes   string `json:"likes"`
	Visits  int64  `json:"visits"`
	Healthy bool   `json:"healthy"`
	Ready   bool   `json:"ready"`
	Uptime  int64  `json:"uptimeSeconds"`
}

// New makes the application. It starts nothing.
func New(config Config) (*App, error) {
	if strings.Trim(config.Port, "0123456789") != "" || config.Port == "" {
		return nil, fmt.Errorf("PORT is %q and has to be a number", config.Port)
	}
	a := &App{config: config, mux: http.NewServeMux(), started: time.Now()}
	a.mux.HandleFunc("GET /{$}", a.page)
	a.mux.HandleFunc("GET /state", a.state)
	a.mux.HandleFunc("GET /metrics", a.metrics)
	a.mux.HandleFunc("/load", a.makeLoad)
	a.mux.Handle("/healthz", &a.health)
	a.mux.Handle("/readyz", &a.ready)
	return a, nil
}

// ServeHTTP answers one request. Nothing that it says may be kept by a browser: a
// page from the cache would hide what changed in the cluster.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a.mux.ServeHTTP(w, r)
}

func (a *App) now() state {
	return state{
		Version: a.config.Version, Host: a.config.Host, Who: a.config.Who, Likes: a.config.Likes,
		Visits: a.visits.Load(), Healthy: a.health.good(), Ready: a.ready.good(),
		Uptime: int64(time.Since(a.started).Seconds()),
	}
}

// state is the page's data without counting as a visit.
func (a *App) state(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.now()) }

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a reader who has gone needs no answer
}

// Show asks a running application for one field of its state and prints it on a
// line.
func Show(ctx context.Context, out io.Writer, address, field string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/state", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the application does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the application answered %s", response.Status)
	}
	decoder := json.NewDecoder(io.LimitReader(response.Body, 1<<20))
	decoder.UseNumber()
	fields := map[string]any{}
	if err := decoder.Decode(&fields); err != nil {
		return fmt.Errorf("the application's answer cannot be read: %w", err)
	}
	value, known := fields[field]
	if !known {
		return fmt.Errorf("there is no field %q", field)
	}
	_, err = fmt.Fprintln(out, value)
	return err
}
