package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/coreos/go-systemd/v22/journal"
)

// inheritedListener returns the socket that systemd has opened for this process, as
// sd_listen_fds(3) says: nil where there is none. The programs that this one starts
// learn nothing of it.
func inheritedListener() (net.Listener, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	defer func() {
		for _, file := range files {
			file.Close() // the listener has a descriptor of its own
		}
	}()
	if len(files) > 1 {
		return nil, fmt.Errorf("systemd hands over %d sockets, and one is wanted: leave one ListenStream= in wheelhouse.socket", len(files))
	}
	listener, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("the socket that systemd hands over cannot be used: %w", err)
	}
	if _, ok := listener.(*net.TCPListener); !ok {
		return nil, errors.Join(errors.New("the socket that systemd hands over is none of TCP: give ListenStream= of wheelhouse.socket a port, or an address and a port"), listener.Close())
	}
	return listener, nil
}

// inherit takes the socket that systemd has opened, if any. The address that was
// asked for, if asked says that one was, has to be the socket's.
func (c *config) inherit(asked bool) error {
	listener, err := inheritedListener()
	if err != nil || listener == nil {
		return err
	}
	address := listener.Addr().String()
	if asked && !sameAddress(c.Listen, address) {
		return errors.Join(fmt.Errorf("wheelhouse.socket listens on %s, and --listen (WHEELHOUSE_LISTEN) says %s: leave that out and change the socket (systemctl edit wheelhouse.socket), or do without the socket (systemctl mask --now wheelhouse.socket)",
			address, c.Listen), listener.Close())
	}
	c.Listen, c.inherited = address, listener
	return nil
}

// sameAddress reports whether the address of --listen is the one that a socket has.
func sameAddress(asked, has string) bool {
	host, port, err := net.SplitHostPort(asked)
	if err != nil {
		return false
	}
	at, err := netip.ParseAddrPort(has)
	if err != nil || fmt.Sprint(at.Port()) != port {
		return false
	}
	if host == "" || host == "localhost" {
		return host == "" && at.Addr().IsUnspecified() || host != "" && at.Addr().IsLoopback()
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap() == at.Addr().Unmap() || ip.IsUnspecified() && at.Addr().IsUnspecified())
}

// notifyReady tells systemd, where that has started this process, that it serves,
// and what `systemctl status` is to show. Programs that are started from here on do
// not see the way to systemd: runc would hand it to its containers.
func notifyReady(status string) error {
	_, err := daemon.SdNotify(true, daemon.SdNotifyReady+"\nSTATUS="+status)
	return err
}

// underJournal reports whether what this process logs goes to systemd's journal.
func underJournal() bool {
	direct, err := journal.StderrIsJournalStream()
	return err == nil && direct
}

// journalHandler writes records as systemd's journal takes them from standard error:
// each with its priority before it (sd-daemon(3)) and without its time, which the
// journal notes itself.
type journalHandler struct {
	slog.Handler               // writes to line
	line         *bytes.Buffer // of all handlers that were made of one
	mu           *sync.Mutex   // held while line is used, and w is written to
	w            io.Writer
}

func newJournalHandler(w io.Writer, level slog.Level) *journalHandler {
	line := new(bytes.Buffer)
	text := slog.NewTextHandler(line, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
		if len(groups) == 0 && (attr.Key == slog.TimeKey || attr.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return attr
	}})
	return &journalHandler{Handler: text, line: line, mu: new(sync.Mutex), w: w}
}

// Handle writes the record with one call of Write.
func (h *journalHandler) Handle(ctx context.Context, record slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.Reset()
	fmt.Fprintf(h.line, "<%d>", priority(record.Level))
	if err := h.Handler.Handle(ctx, record); err != nil {
		return err
	}
	_, err := h.w.Write(h.line.Bytes())
	return err
}

// WithAttrs and WithGroup keep the records of the new handler ours.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{h.Handler.WithAttrs(attrs), h.line, h.mu, h.w}
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{h.Handler.WithGroup(name), h.line, h.mu, h.w}
}

func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
