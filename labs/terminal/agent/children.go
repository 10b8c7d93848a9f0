package agent

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"wheelhouse/labs/terminal"
)

// children starts processes and waits for them, all in one goroutine that
// SIGCHLD wakes. os/exec would keep a thread waiting for each, which a container
// whose process limit a student has used up cannot give; and the first process
// of a container has to wait for orphans as well, without taking from os/exec
// what it waits for.
type children struct {
	init    bool
	ended   chan os.Signal
	stopped chan struct{}

	mu      sync.Mutex
	waiting map[int]chan<- int // by process id, which stays taken until reap has waited for it
}

// newChildren returns children that wait until close. With init they wait for
// orphans, too.
func newChildren(init bool) *children {
	c := &children{
		init:    init,
		ended:   make(chan os.Signal, 1),
		stopped: make(chan struct{}),
		waiting: make(map[int]chan<- int),
	}
	signal.Notify(c.ended, syscall.SIGCHLD)
	go func() {
		defer close(c.stopped)
		for range c.ended {
			c.reap()
		}
	}()
	return c
}

// close stops waiting. Processes that still run stay as they are.
func (c *children) close() {
	signal.Stop(c.ended)
	close(c.ended)
	<-c.stopped
}

// start starts cmd, whose files have to be *os.File, and returns a channel that
// yields its exit code once. cmd is not to be waited for.
func (c *children) start(cmd *exec.Cmd) (<-chan int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	// This closes the file through which os/exec would wait, and forgets the
	// number, too.
	_ = cmd.Process.Release()
	cmd.Process.Pid = pid
	deprioritise(pid)
	exit := make(chan int, 1)
	c.waiting[pid] = exit
	return exit, nil
}

// reap waits for every process that has ended.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.init {
		for c.wait(-1) {
		}
		return
	}
	for pid := range c.waiting {
		c.wait(pid)
	}
}

// wait waits for a process that has ended and hands its exit code on. It tells
// whether there was one.
func (c *children) wait(pid int) bool {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || ended <= 0 {
			return false
		}
		if exit, ours := c.waiting[ended]; ours {
			delete(c.waiting, ended)
			exit <- terminal.ExitCode(status)
		}
		return true
	}
}
