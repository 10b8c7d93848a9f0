package agent

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"wheelhouse/labs/terminal"
)

// attach leaves HTTP and serves a viewer until it goes.
func (a *agent) attach(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != terminal.Protocol {
		w.Header().Set("Upgrade", terminal.Protocol)
		http.Error(w, `{"code":"invalid","message":"this agent speaks `+terminal.Protocol+`"}`, http.StatusUpgradeRequired)
		return
	}
	request, err := attachRequest(r.PathValue("name"), r.URL.Query())
	if err != nil {
		refuse(w, err)
		return
	}
	viewer, err := a.view(request)
	if err != nil {
		a.options.Logger.Warn("attach refused", "terminal", request.Terminal, "error", err.Error())
		refuse(w, err)
		return
	}
	a.viewing.Add(1)
	defer a.viewing.Done()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		viewer.Close()
		refuse(w, err)
		return
	}
	conn.SetDeadline(time.Time{})
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", terminal.Protocol); err != nil {
		viewer.Close()
		conn.Close()
		return
	}
	if err := viewer.Serve(a.ctx, conn, buffered); errors.Is(err, terminal.ErrProtocol) {
		a.options.Logger.Warn("viewer sent away", "terminal", request.Terminal, "error", err.Error())
	}
}

// attachRequest reads what to attach to.
func attachRequest(name string, query url.Values) (terminal.AttachRequest, error) {
	request := terminal.AttachRequest{Terminal: name, Epoch: query.Get("epoch"), Source: query.Get("source")}
	var problems [4]error
	request.Offset, problems[0] = strconv.ParseInt(orZero(query.Get("offset")), 10, 64)
	request.Cols, problems[1] = strconv.Atoi(orZero(query.Get("cols")))
	request.Rows, problems[2] = strconv.Atoi(orZero(query.Get("rows")))
	request.ReadOnly, problems[3] = strconv.ParseBool(orZero(query.Get("readOnly")))
	if err := errors.Join(problems[:]...); err != nil {
		return request, invalid("attach: %v", err)
	}
	return request, request.Validate()
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// view attaches to a terminal, started first where there is none of that name
// or its shell is over.
func (a *agent) view(request terminal.AttachRequest) (*terminal.Viewer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return nil, &terminal.Error{Code: terminal.CodeUnavailable, Message: "the workstation is being shut down"}
	}
	if t, ok := a.terminals[request.Terminal]; ok {
		viewer, err := t.Attach(request)
		if !errors.Is(err, terminal.ErrExited) {
			return viewer, err
		}
		delete(a.terminals, request.Terminal)
	}
	if err := a.makeRoom(); err != nil {
		return nil, err
	}
	t, err := a.startShell(request)
	if err != nil {
		return nil, err
	}
	a.terminals[request.Terminal] = t
	return t.Attach(request)
}

// makeRoom forgets terminals that are over, where there are too many. The caller
// holds mu.
func (a *agent) makeRoom() error {
	if len(a.terminals) < a.options.Terminals {
		return nil
	}
	for name, t := range a.terminals {
		select {
		case <-t.Done():
			delete(a.terminals, name)
		default:
		}
	}
	if len(a.terminals) < a.options.Terminals {
		return nil
	}
	return &terminal.Error{
		Code:    terminal.CodeLimited,
		Message: fmt.Sprintf("%d terminals are open on this workstation, which is the most there can be; exit from one of them", len(a.terminals)),
	}
}

// startShell starts a shell of the size that the request asks for.
func (a *agent) startShell(request terminal.AttachRequest) (*terminal.Terminal, error) {
	cmd, started := a.account.shell(a.options.Shell), time.Now()
	t, err := terminal.Start(cmd, terminal.Options{
		Name: request.Terminal,
		Cols: request.Cols, Rows: request.Rows,
		Viewers: a.options.Viewers,
		Idle:    a.options.Idle,
		Start:   a.children.start,
	})
	if err != nil {
		return nil, a.explain(err)
	}
	a.options.Logger.Info("shell started", "terminal", request.Terminal, "epoch", t.Epoch(), "pid", cmd.Process.Pid)
	a.viewing.Go(func() { a.noteEnd(t, started) })
	return t, nil
}

// explain puts the reason why no process could be started into words.
func (a *agent) explain(err error) error {
	a.options.Logger.Warn("no process could be started", "error", err.Error())
	switch {
	case noRoom(err):
		a.watchFull()
		return &terminal.Error{Code: terminal.CodeUnavailable, Message: "the workstation has no room for another process; end some in a terminal that is still open. If it stays full for a minute, all of them are ended"}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EACCES):
		return invalid("%v", err)
	}
	return err
}

// closeTerminals ends every shell, all at the same time.
func (a *agent) closeTerminals() {
	a.mu.Lock()
	defer a.mu.Unlock()
	var closing sync.WaitGroup
	for _, t := range a.terminals {
		closing.Go(t.Close)
	}
	closing.Wait()
	clear(a.terminals)
}
