package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Part is the state of something that is kept running.
type Part struct {
	Name     string    `json:"name"`
	Running  bool      `json:"running"`
	Since    time.Time `json:"since"`             // of the last start or end
	Restarts int       `json:"restarts"`          // since the cluster was started
	Message  string    `json:"message,omitempty"` // why it last ended
}

// board is what a first process knows of its parts.
type board struct {
	mu    sync.Mutex
	parts map[string]*Part
}

func newBoard() *board { return &board{parts: map[string]*Part{}} }

func (b *board) started(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.parts[name]
	if part == nil {
		part = &Part{Name: name, Restarts: -1}
		b.parts[name] = part
	}
	part.Running, part.Since = true, time.Now()
	part.Restarts++
}

func (b *board) ended(name, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.parts[name]
	part.Running, part.Since, part.Message = false, time.Now(), message
}

// restarts returns how often the part was started again.
func (b *board) restarts(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.parts[name].Restarts
}

// Status is what the cluster's first process answers at /status, in JSON.
type Status struct {
	Parts map[string]Part `json:"parts"` // the nodes and the workstation, by name
}

// serve answers on the control socket until ctx ends.
func (b *board) serve(ctx context.Context) error {
	listener, err := listenerOf(fdControl, "control")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		status := Status{Parts: map[string]Part{}}
		for name, part := range b.parts {
			status.Parts[name] = *part
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status) // who asked has gone
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Pauses before something that ended is started again: the first soon, later
// ones further apart. What ran for a while counts as new.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
	wellAfter  = 30 * time.Second
)

// restart calls run, which blocks for as long as the part runs, again and again
// until ctx ends.
func restart(ctx context.Context, name string, board *board, log *slog.Logger, run func(context.Context) error) error {
	pause := firstPause
	for {
		began := time.Now()
		board.started(name)
		err := run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		message := "it ended by itself"
		if err != nil {
			message = err.Error()
		}
		board.ended(name, message)
		log.Warn("part ended", "part", name, "err", message)
		if time.Since(began) > wellAfter {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, longPause)
	}
}
