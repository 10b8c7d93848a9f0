package machine

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Part is the state of something that is kept running.
type Part struct {
	Name     string    `json:"name"`
	Running  bool      `json:"running"`
	Since    time.Time `json:"since"`             // of the last start or end
	Restarts int       `json:"restarts"`          // since the cluster was started
	Failures int       `json:"failures"`          // ends in a row, each soon after the start
	Message  string    `json:"message,omitempty"` // how it last ended
	Cause    Cause     `json:"cause,omitempty"`   // why, where that is known
	Log      string    `json:"log,omitempty"`     // the last lines that it printed before
}

// PartsFile holds the parts that a first process keeps running, as a JSON object
// by their names: in the cluster's folder the nodes and the workstation, in a
// node's log folder its components.
const PartsFile = "parts.json"

// board is what a first process knows of its parts. It is written to a file at
// each change, for whoever looks from outside.
type board struct {
	file string
	log  *slog.Logger

	mu    sync.Mutex
	parts map[string]*Part
}

func newBoard(dir string, log *slog.Logger) *board {
	return &board{file: filepath.Join(dir, PartsFile), log: log, parts: map[string]*Part{}}
}

func (b *board) started(name string) {
	b.change(name, func(part *Part) {
		part.Running = true
		part.Restarts++
	})
}

// ended notes the end of a part, why, and whether that was soon after its start.
func (b *board) ended(name, message string, cause Cause, soon bool) {
	log := logTail(filepath.Join(filepath.Dir(b.file), name+".log"))
	b.change(name, func(part *Part) {
		part.Running, part.Message, part.Cause, part.Log = false, message, cause, log
		part.Failures++
		if !soon {
			part.Failures = 1
		}
	})
}

// stopped notes that a part is down because somebody wanted that.
func (b *board) stopped(name string) {
	b.change(name, func(part *Part) { part.Running, part.Failures, part.Message = false, 0, OnRequest })
}

// forget has a part begin anew.
func (b *board) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.parts, name)
}

// change edits a part and writes the file. That it cannot be written keeps
// nothing from running.
func (b *board) change(name string, edit func(*Part)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.parts[name]
	if part == nil {
		part = &Part{Name: name, Restarts: -1}
		b.parts[name] = part
	}
	edit(part)
	part.Since = time.Now()
	text, err := json.Marshal(b.parts)
	if err == nil {
		err = os.WriteFile(b.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(b.file+".new", b.file)
	}
	if err != nil {
		b.log.Warn("the state of the parts cannot be written", "err", err)
	}
}

// restarts returns how often the part was started again.
func (b *board) restarts(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.parts[name].Restarts
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
		began, killed := time.Now(), oomKills()
		board.started(name)
		err := run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		message := "it ended by itself"
		if err != nil {
			message = err.Error()
		}
		cause := diagnose(err, filepath.Dir(board.file), killed)
		board.ended(name, message, cause, time.Since(began) < wellAfter)
		log.Warn("part ended", "part", name, "error", message, "cause", cause)
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
