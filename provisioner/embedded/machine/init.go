package machine

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Init is the first process of a container: it runs the program of args, passes
// signals on to it, waits for whatever is orphaned, and returns the program's
// exit status once that has ended. All the rest dies with the container.
func Init(args []string) (int, error) {
	if len(args) == 0 {
		return 0, errors.New("init: no program is given")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	files := []uintptr{0, 1, 2}
	for fd := uintptr(fdAPI); fd < fdAPI+Sockets; fd++ { // those that are not open stay so
		if _, _, err := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0); err != 0 {
			break
		}
		files = append(files, fd)
	}
	child, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: os.Environ(), Files: files})
	if err != nil {
		return 0, fmt.Errorf("init: start %s: %w", args[0], err)
	}
	go func() {
		for s := range signals {
			_ = syscall.Kill(child, s.(syscall.Signal)) // it may just have ended
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("init: wait: %w", err)
		case pid == child && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == child:
			return status.ExitStatus(), nil
		}
	}
}
