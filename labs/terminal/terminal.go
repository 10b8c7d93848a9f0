package terminal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// Options say how a Terminal behaves. Zero values stand for the defaults.
type Options struct {
	Name       string // what attached tells as Terminal
	Cols, Rows int    // at the start; 80 and 24
	Ring       int    // bytes of output that are kept; 1 MiB, and never less
	Viewers    int    // most viewers at once; 16

	// Hold is for how long after its last viewer left a terminal waits rather than
	// overwrites output that this viewer has not acknowledged; 15 s. Afterwards the
	// shell runs as fast as it writes, and the ring keeps the last of it.
	Hold time.Duration
	// Stall is for how long a viewer may acknowledge nothing while output waits for
	// it, before it is sent away; 1 min.
	Stall time.Duration
	// Idle is for how long a shell without a viewer lives; 0 is for ever.
	Idle time.Duration

	// Start starts the shell's process and returns a channel that yields its exit
	// code once; without it, the process is started and waited for in the usual way.
	Start func(*exec.Cmd) (<-chan int, error)
}

func (o Options) withDefaults() Options {
	if !validSize(o.Cols, o.Rows) {
		o.Cols, o.Rows = 80, 24
	}
	o.Ring = max(o.Ring, 1<<20)
	if o.Viewers == 0 {
		o.Viewers = 16
	}
	if o.Hold == 0 {
		o.Hold = 15 * time.Second
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Start == nil {
		o.Start = startAndWait
	}
	return o
}

// Terminal is one shell on a pseudo-terminal. It lives until its shell exits, it
// is closed, or it has no viewer for Options.Idle. All methods may be called
// at the same time.
type Terminal struct {
	options Options
	epoch   string
	pid     int // of the shell, which leads its session
	ptm     *os.File

	hangUp  chan struct{} // closed once by Close or by the idle timer
	hanging sync.Once
	exited  chan struct{} // closed when the shell's process is gone
	done    chan struct{} // closed when its output is complete too; then nothing of it runs any more

	room    chan struct{} // of capacity 1: the pump may have something to read for
	typed   chan struct{} // of capacity 1: there is input
	typing  sync.Mutex
	touched atomic.Bool // something was typed
	input   []byte      // guarded by typing, as is sources

	sources map[string]*source

	mu         sync.Mutex // guards what follows
	ring       ring
	past       past
	cols, rows int
	viewers    map[*Viewer]struct{}
	answering  *Viewer // whose screen answers queries in the output; nil without a viewer who types
	turns      int64
	active     time.Time // when something was last typed or printed
	looked     bool      // a viewer did: a shell that exits at once still tells the first
	held       int64     // while no viewer is there: what the last one acknowledged,
	holdUntil  time.Time // and until when output after it is kept
	idle       *time.Timer
	over       bool
	exitCode   int
}

// Start starts cmd, which is to be a shell, on a new pseudo-terminal. The
// caller sets path, arguments, environment, folder and, in SysProcAttr, the
// Credential; the pseudo-terminal then belongs to that user.
func Start(cmd *exec.Cmd, options Options) (*Terminal, error) {
	options = options.withDefaults()
	ptm, tty, err := openPTY(options.Cols, options.Rows)
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	defer tty.Close()

	attributes := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attributes = *cmd.SysProcAttr
	}
	attributes.Setsid, attributes.Setctty = true, true
	if user := attributes.Credential; user != nil {
		if err := tty.Chown(int(user.Uid), -1); err != nil {
			ptm.Close()
			return nil, fmt.Errorf("hand the pseudo-terminal to user %d: %w", user.Uid, err)
		}
	}
	cmd.SysProcAttr = &attributes
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	exit, err := options.Start(cmd)
	if err != nil {
		ptm.Close()
		return nil, fmt.Errorf("start the shell: %w", err)
	}

	t := &Terminal{
		options: options,
		epoch:   newEpoch(),
		pid:     cmd.Process.Pid,
		ptm:     ptm,
		hangUp:  make(chan struct{}),
		exited:  make(chan struct{}),
		done:    make(chan struct{}),
		room:    make(chan struct{}, 1),
		typed:   make(chan struct{}, 1),
		ring:    newRing(options.Ring),
		cols:    options.Cols,
		rows:    options.Rows,
		viewers: make(map[*Viewer]struct{}),
		sources: make(map[string]*source),
		active:  time.Now(),
	}
	t.past.resized(0, t.cols, t.rows)
	t.restartIdle()
	go t.run(exit)
	return t, nil
}

// Epoch names this shell among all shells.
func (t *Terminal) Epoch() string { return t.epoch }

// Done is closed when the shell and its output are over.
func (t *Terminal) Done() <-chan struct{} { return t.done }

// Touched tells whether anything was ever typed.
func (t *Terminal) Touched() bool { return t.touched.Load() }

// Active returns when something was last typed or printed, or the shell started.
func (t *Terminal) Active() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.active
}

// Close ends the shell and everything in its session, and blocks until that is
// done: 2 s and a little where a process ignores SIGHUP.
func (t *Terminal) Close() {
	t.hanging.Do(func() { close(t.hangUp) })
	<-t.done
}

// Resize sets the terminal's size, of which all viewers are told.
func (t *Terminal) Resize(cols, rows int) error {
	if !validSize(cols, rows) {
		return fmt.Errorf("%w: a terminal of %d columns and %d rows", ErrProtocol, cols, rows)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resize(winsize(cols, rows))
}

// resize does the same with a valid size. The caller holds mu.
func (t *Terminal) resize(size pty.Winsize) error {
	cols, rows := int(size.Cols), int(size.Rows)
	if t.over || cols == t.cols && rows == t.rows {
		return nil
	}
	t.cols, t.rows = cols, rows
	t.past.resized(t.ring.end, cols, rows)
	t.wakeViewers()
	return pty.Setsize(t.ptm, &size)
}

func winsize(cols, rows int) pty.Winsize {
	return pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}
}

// restartIdle starts the idle timer anew. The caller holds mu, or is Start.
func (t *Terminal) restartIdle() {
	if t.options.Idle > 0 {
		t.idle = time.AfterFunc(t.options.Idle, func() { t.hanging.Do(func() { close(t.hangUp) }) })
	}
}

// wakeViewers lets every viewer look at the terminal again. The caller holds mu.
func (t *Terminal) wakeViewers() {
	for v := range t.viewers {
		signal(v.wake)
	}
}

// signal leaves a token in a channel of capacity 1, where there is none yet.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func newEpoch() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// openPTY opens a pseudo-terminal of that size. Reads and writes of its master
// side can be interrupted by a deadline or by Close, which is not so for the file
// that pty.Open returns.
func openPTY(cols, rows int) (ptm, tty *os.File, err error) {
	blocking, tty, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	syscall.ForkLock.RLock()
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		tty.Close()
		return nil, nil, err
	}
	ptm = os.NewFile(uintptr(fd), blocking.Name())
	if err := pty.Setsize(ptm, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		return nil, nil, errors.Join(err, ptm.Close(), tty.Close())
	}
	return ptm, tty, nil
}

// startAndWait is the Start of terminals that run in an ordinary process.
func startAndWait(cmd *exec.Cmd) (<-chan int, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exit := make(chan int, 1)
	go func() {
		_ = cmd.Wait() // the state below tells more than the error
		exit <- ExitCode(cmd.ProcessState.Sys().(syscall.WaitStatus))
	}()
	return exit, nil
}

// ExitCode is a process's exit code as a shell would tell it: 128 and the
// signal's number where a signal ended it.
func ExitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
