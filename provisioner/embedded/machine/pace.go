package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// activitySocket is where a node hears that something is going on in the cluster:
// the control plane sends a datagram each second while it is.
func activitySocket(node string) string { return filepath.Join(handover(node), "activity.sock") }

// Hundreds of timers are due in each second of a cluster that nobody uses, and most
// of its processor time is waking up for one of them. With slack, one waking does
// for all that are due soon. What arrives, such as a request or an event, waits for
// no timer; but work does: Go's scheduler sleeps for microseconds where goroutines
// hand work to each other. So a node's components have slack only while nothing is
// going on.
const (
	restAfter = 15 * time.Second       // with nothing going on; more than a few of the bell's pauses
	restSlack = 500 * time.Millisecond // how much later than it has to a timer may wake a thread (timerslack_ns of proc(5))
	workSlack = 50 * time.Microsecond  // Linux's own
)

// pace sets the slack of a node's components.
type pace struct {
	log     *slog.Logger
	stirred chan struct{} // something is going on

	mu    sync.Mutex
	slack time.Duration
	pids  map[int]bool // of the components' processes
}

func newPace(log *slog.Logger) *pace {
	return &pace{log: log, stirred: make(chan struct{}, 1), slack: workSlack, pids: map[int]bool{}}
}

// add has pace know a component that has just started, with a thread's slack that
// is this process's.
func (p *pace) add(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pids[pid] = true
	p.stir()
}

func (p *pace) remove(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pids, pid)
}

func (p *pace) stir() {
	select {
	case p.stirred <- struct{}{}:
	default: // it is known
	}
}

// listen hears what is told on the socket, until ctx ends.
func (p *pace) listen(ctx context.Context, socket string) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("listen for activity: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	for {
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("listen for activity: %w", err)
		}
		p.stir()
	}
}

// keep gives the components the slack that suits what is going on, until ctx ends.
func (p *pace) keep(ctx context.Context) {
	rest := time.NewTimer(restAfter)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.stirred:
			p.give(workSlack)
			rest.Reset(restAfter)
		case <-rest.C:
			p.give(restSlack)
		}
	}
}

// give sets the slack of all components, unless they have it.
func (p *pace) give(slack time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slack == slack {
		return
	}
	p.slack = slack
	for pid := range p.pids {
		if err := slacken(pid, slack); err != nil {
			p.log.Warn("the timers of a component keep the slack that they had", "err", err)
		}
	}
}

// slacken gives all threads of a process the slack; threads and processes that start
// later have that of the thread that starts them. The signal, which means nothing to
// Go's programs and to others that do not ask for it, wakes those that sleep already,
// so that they sleep on with the new slack. A process that has ended is no error.
func slacken(pid int, slack time.Duration) error {
	text := []byte(strconv.FormatInt(slack.Nanoseconds(), 10))
	done := map[string]bool{}
	for more := true; more; { // a thread may have started another one meanwhile
		more = false
		threads, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
		if ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, thread := range threads {
			if done[thread.Name()] {
				continue
			}
			done[thread.Name()], more = true, true
			if err := os.WriteFile(filepath.Join("/proc", thread.Name(), "timerslack_ns"), text, 0); err != nil && !ended(err) {
				return err
			}
			tid, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if err := unix.Tgkill(pid, tid, unix.SIGURG); err != nil && !ended(err) {
				return err
			}
		}
	}
	return nil
}

// ended reports whether err says that a process or thread is gone.
func ended(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }
