package pack

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startBound starts c so that it is killed when this process dies, and waits for
// it. The kernel ties that to the thread that started it, which therefore stays
// until c has ended.
func startBound(c *exec.Cmd, started, ended chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL
	err := c.Start()
	started <- err
	if err == nil {
		ended <- c.Wait()
	}
}
