// Package agent is what runs on a workstation: it keeps the student's terminals,
// runs commands and writes files, for a server that comes and goes. It serves
// HTTP on a socket that only root can open; package terminal is its client. The
// folder cmd makes it the first process of the workstation's container. It knows
// no Kubernetes.
//
//	GET  /status                   terminal.Status
//	GET  /terminals/NAME?…         Upgrade to terminal.Protocol
//	POST /run                      terminal.RunMessage to terminal.RunAnswer
//	PUT  /files?path=…&mode=OCTAL  the body becomes the file
//	POST /repairs/REPAIR           terminal.Repair is done; the body is the kubeconfig, for that one
//
// Refusals are a terminal.Error as JSON.
package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wheelhouse/labs/terminal"
)

// Options say for whom an agent works, and its limits. Zero values stand for
// the defaults.
type Options struct {
	User  string   // whose shells and files; the user that the agent runs as where it is empty
	Home  string   // that user's home folder where it is not the one of /etc/passwd
	Shell []string // program and arguments of a terminal's shell; a login bash where it is empty

	// Skel is a folder whose files are copied into the home folder where it has
	// none of their names. The home folder is then handed to the user.
	Skel string

	// Init is for the first process of a container: it waits for all processes
	// that end, not only for those that the agent started.
	Init bool

	Terminals int           // most terminals at once; 8
	Viewers   int           // most viewers of one terminal; 16
	Runs      int           // most commands at once; 16
	Idle      time.Duration // for how long a shell without a viewer lives; 0 is for ever

	Logger *slog.Logger // never gets what is typed or printed; discarded where it is nil
}

func (o Options) withDefaults() Options {
	if o.Terminals == 0 {
		o.Terminals = 8
	}
	if o.Runs == 0 {
		o.Runs = 16
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// agent serves one workstation.
type agent struct {
	options  Options
	account  *account
	children *children
	boot     string
	started  time.Time
	runs     chan struct{} // holds one token for each command that runs

	ctx     context.Context // ends when the agent does
	viewing sync.WaitGroup  // connections that left HTTP, and what waits for a shell's end

	watchingFull atomic.Bool
	written      atomic.Bool  // by PUT /files
	stillborn    atomic.Int32 // shells, the last ones, that ended as soon as they had started

	mu        sync.Mutex
	terminals map[string]*terminal.Terminal
}

// Serve prepares the home folder and serves listener, which it closes, until ctx
// ends. Then it ends every shell and returns when they and its goroutines are
// gone: after 3 s or so. The error is nil when that was because of ctx.
func Serve(ctx context.Context, listener net.Listener, options Options) error {
	options = options.withDefaults()
	defer listener.Close()
	account, err := lookUp(options)
	if err != nil {
		return err
	}
	if options.Skel != "" {
		if err := account.seedHome(options.Skel); err != nil {
			return fmt.Errorf("prepare the home folder: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &agent{
		options:   options,
		account:   account,
		children:  newChildren(options.Init),
		boot:      newBoot(),
		started:   time.Now(),
		runs:      make(chan struct{}, options.Runs),
		ctx:       ctx,
		terminals: make(map[string]*terminal.Terminal),
	}
	defer a.children.close()
	return a.serve(listener)
}

// serve blocks until the agent's ctx ends or the listener breaks.
func (a *agent) serve(listener net.Listener) error {
	server := &http.Server{
		Handler:           a.routes(),
		BaseContext:       func(net.Listener) context.Context { return a.ctx },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.options.Logger.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	a.options.Logger.Info("agent serves", "address", listener.Addr().String(), "user", a.account.name, "boot", a.boot)

	var err error
	select {
	case err = <-failed:
	case <-a.ctx.Done():
		// What is under way ends with a.ctx, so this takes no longer than that.
		soon, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(soon); err != nil {
			server.Close()
		}
		<-failed
	}
	a.closeTerminals()
	a.viewing.Wait()
	return err
}

func (a *agent) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, terminal.Status{Boot: a.boot, Quiet: a.quiet(), Written: a.written.Load(), HomeFault: a.account.homeFault(), ShellsEnd: a.stillborn.Load() >= stillborn})
	})
	mux.HandleFunc("GET /terminals/{name}", a.attach)
	mux.HandleFunc("POST /run", a.run)
	mux.HandleFunc("PUT /files", a.writeFile)
	mux.HandleFunc("POST /repairs/{repair}", a.repair)
	return mux
}

// quiet returns for how long nothing was typed or printed.
func (a *agent) quiet() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.started
	for _, t := range a.terminals {
		if active := t.Active(); active.After(last) {
			last = active
		}
	}
	return max(1, time.Since(last))
}

// answer sends a result.
func answer(w http.ResponseWriter, result any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(result) // it fails where the peer has left
}

// refuse sends err with the status that belongs to it.
func refuse(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*terminal.Error](err)
	if !ok {
		refusal = &terminal.Error{Code: terminal.CodeUnavailable, Message: err.Error()}
	}
	status := http.StatusServiceUnavailable
	switch refusal.Code {
	case terminal.CodeInvalid:
		status = http.StatusBadRequest
	case terminal.CodeLimited:
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal)
}

// invalid is a refusal of what makes no sense.
func invalid(format string, args ...any) error {
	return &terminal.Error{Code: terminal.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

func newBoot() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
