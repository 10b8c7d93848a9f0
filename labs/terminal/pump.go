package terminal

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	farewell = 2 * time.Second        // from SIGHUP to SIGKILL
	quiet    = 250 * time.Millisecond // after the shell's exit, output that takes longer is not the shell's
	leftover = 256 << 10              // after the shell's exit, bytes beyond that are not the shell's
	maxInput = 1 << 20                // bytes typed that the program has not read yet
)

// run owns the terminal's goroutines. It returns when the shell is gone.
func (t *Terminal) run(exit <-chan int) {
	var working sync.WaitGroup
	working.Go(t.pump)
	working.Go(t.feed)

	var code int
	select {
	case code = <-exit:
		close(t.exited)
		// A process that the shell left behind may keep the terminal open, so the
		// end of the output may never come.
		t.ptm.SetReadDeadline(time.Now().Add(quiet))
	case <-t.hangUp:
		code = t.kill(exit)
		close(t.exited)
		t.ptm.SetReadDeadline(time.Now())
	}
	signal(t.room)
	t.ptm.SetWriteDeadline(time.Now())
	working.Wait()

	t.mu.Lock()
	t.over, t.exitCode = true, code
	if t.idle != nil {
		t.idle.Stop()
	}
	t.ptm.Close()
	t.wakeViewers()
	t.mu.Unlock()
	close(t.done)
}

// kill ends the shell's session: SIGHUP as from a terminal that is switched
// off, and SIGKILL for what is still there after a while. It returns the shell's
// exit code.
func (t *Terminal) kill(exit <-chan int) int {
	_ = syscall.Kill(-t.pid, syscall.SIGHUP)
	_ = syscall.Kill(-t.pid, syscall.SIGCONT)
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case code := <-exit:
		killSession(t.pid)
		return code
	case <-timer.C:
		killSession(t.pid)
		return <-exit
	}
}

// pump reads what the shell writes into the ring, until the shell is gone and
// its output complete.
func (t *Terminal) pump() {
	left := leftover
	var pace pace
	for {
		into := t.awaitRoom()
		n, err := t.ptm.Read(into)
		if n > 0 {
			t.mu.Lock()
			t.past.follow(&t.ring, t.ring.end+int64(n)-t.ring.size)
			t.ring.commit(n)
			t.active = time.Now()
			t.wakeViewers()
			t.mu.Unlock()
			pace.took(n)
		}
		over := closed(t.exited)
		switch {
		case over && (err != nil || left <= n):
			return
		case over:
			left -= n
			t.ptm.SetReadDeadline(time.Now().Add(quiet))
		case errors.Is(err, os.ErrDeadlineExceeded):
			// The shell exited just now, or its session hangs up.
		case err != nil:
			// No process has the terminal open (EIO). The shell's exit is near.
			<-t.exited
		}
	}
}

// awaitRoom blocks until the pump may read on and returns where to.
func (t *Terminal) awaitRoom() []byte {
	for {
		t.mu.Lock()
		limit, until := t.limit(time.Now())
		if room := limit - t.ring.end; room > 0 || closed(t.hangUp) {
			if room <= 0 {
				room = chunk
			}
			into := t.ring.free(room)
			t.mu.Unlock()
			return into
		}
		t.mu.Unlock()
		if until <= 0 {
			select {
			case <-t.room:
			case <-t.hangUp:
			}
			continue
		}
		timer := time.NewTimer(until)
		select {
		case <-t.room:
		case <-t.hangUp:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// limit returns the offset up to which the terminal may be read now, and for
// how long that holds by itself; 0 is until something happens. The caller holds
// mu.
func (t *Terminal) limit(now time.Time) (int64, time.Duration) {
	if len(t.viewers) == 0 {
		if hold := t.holdUntil.Sub(now); hold > 0 {
			return t.held + t.ring.size, hold
		}
		return t.ring.end + chunk, 0
	}
	var fastest int64
	for v := range t.viewers {
		fastest = max(fastest, v.sent)
	}
	return fastest + ahead, 0
}

// feed writes what was typed to the shell.
func (t *Terminal) feed() {
	for {
		select {
		case <-t.typed:
		case <-t.exited:
			return
		}
		t.typing.Lock()
		input := t.input
		t.typing.Unlock()
		n, err := t.ptm.Write(input)
		t.typing.Lock()
		t.input = append(t.input[:0], t.input[n:]...)
		if len(t.input) == 0 && cap(t.input) > chunk {
			t.input = nil
		}
		t.typing.Unlock()
		if err != nil {
			return
		}
	}
}

// typeIn queues a viewer's input for the shell. It does not block: output could
// not flow any more while it did. It returns how much of its source's input has
// been taken, where that is counted.
func (t *Terminal) typeIn(v *Viewer, input []byte) (taken int64, err error) {
	t.mu.Lock()
	t.active = time.Now()
	t.activate(v)
	t.mu.Unlock()
	t.typing.Lock()
	defer t.typing.Unlock()
	s := t.sources[v.source]
	if v.source != "" && (s == nil || s.viewer != v) {
		return 0, errElsewhere
	}
	if len(t.input)+len(input) > maxInput {
		return 0, errNotReading
	}
	t.input = append(t.input, input...)
	t.touched.Store(true)
	signal(t.typed)
	if s == nil {
		return 0, nil
	}
	s.taken += int64(len(input))
	return s.taken, nil
}

// source is who types, over all of their connections.
type source struct {
	viewer *Viewer // of the newest connection, whose input alone counts
	taken  int64   // bytes of input
	since  time.Time
}

// maxSources are how many sources a terminal remembers: pages that were reloaded
// or closed never come back.
const maxSources = 64

// listenTo takes the input of v's source from v alone from now on, and returns how
// much of it was taken before. An earlier connection that has not ended yet may hold
// some that was not, which comes again. The caller holds mu.
func (t *Terminal) listenTo(v *Viewer) (taken int64) {
	t.typing.Lock()
	defer t.typing.Unlock()
	s := t.sources[v.source]
	if s == nil {
		if len(t.sources) >= maxSources {
			t.forgetOldestSource()
		}
		s = &source{}
		t.sources[v.source] = s
	}
	s.viewer, s.since = v, time.Now()
	return s.taken
}

// forgetOldestSource makes room for another source, of which no viewer is there
// any more. The caller holds mu and typing.
func (t *Terminal) forgetOldestSource() {
	oldest := ""
	for name, s := range t.sources {
		if s.viewer.left && (oldest == "" || s.since.Before(t.sources[oldest].since)) {
			oldest = name
		}
	}
	delete(t.sources, oldest)
}

// errElsewhere ends a connection whose viewer is back on another one.
var errElsewhere = &Error{CodeUnavailable, "this terminal goes on in a newer connection of the same page"}

var errNotReading = errors.New("the program in this terminal does not read what is typed; end it, or paste less at once")

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
