package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Cause is why a part cannot run, where a first process knows it. It is found by
// trying what the part needs, not by reading what the part has printed.
type Cause string

// The causes. "" is none that is known.
const (
	NoInotify   Cause = "NoInotify"   // no inotify instance or watch is to be had
	NoSpace     Cause = "NoSpace"     // the disk is full, or cannot be written
	NoMemory    Cause = "NoMemory"    // the kernel has ended it for lack of memory
	NoProcesses Cause = "NoProcesses" // no process can be started
)

// diagnose returns why a part that ended with err cannot run, as far as trying tells.
// dir is a folder of the disk that it writes to; killed is how many processes of the
// group the kernel ended for lack of memory before the part was started.
func diagnose(err error, dir string, killed int64) Cause {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EROFS), errors.Is(err, unix.EIO):
		return NoSpace
	case errors.Is(err, unix.EAGAIN):
		return NoProcesses
	case errors.Is(err, unix.ENOMEM):
		return NoMemory
	}
	if tryInotify(dir) != nil {
		return NoInotify
	}
	if tryWrite(dir) != nil {
		return NoSpace
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == unix.SIGKILL && oomKills() > killed {
		return NoMemory
	}
	return ""
}

// tryInotify watches a folder for a moment.
func tryInotify(dir string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE)
	return err
}

// tryWrite writes a file, to the disk, and removes it.
func tryWrite(dir string) (err error) {
	file, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := file.Write(make([]byte, 64<<10)); err != nil {
		return err
	}
	return file.Sync()
}

// oomKills is how many processes of this process's control group the kernel has ended
// for lack of memory, pods' not among them; 0 where it does not tell.
func oomKills() int64 {
	for _, path := range []string{"/sys/fs/cgroup/init/memory.events.local", "/sys/fs/cgroup/memory/memory.oom_control"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if count, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
				n, _ := strconv.ParseInt(count, 10, 64)
				return n
			}
		}
	}
	return 0
}

// logTail returns the last lines of a log, for the person who looks after the cluster: what
// they mean is not known here.
func logTail(path string) string {
	const most = 2048 // bytes
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return ""
		}
	}
	text, _ := io.ReadAll(io.LimitReader(file, most))
	if len(text) == most { // it begins within a line
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return string(bytes.TrimSpace(text))
}

// End is how the cluster's first process ended, in EndFile: a seed that was made has
// no message.
type End struct {
	Message string `json:"message,omitempty"`
	Cause   Cause  `json:"cause,omitempty"`
}

// EndFile, in the cluster's folder, is written when the cluster's first process ends
// by itself.
const EndFile = "end.json"

// leaveEnd writes EndFile. Where it cannot, the process's log has the message.
func leaveEnd(err error) {
	var end End
	if err != nil {
		end = End{Message: err.Error(), Cause: diagnose(err, ClusterDir, 0)}
	}
	if text, err := json.Marshal(end); err == nil {
		_ = os.WriteFile(filepath.Join(ClusterDir, EndFile), text, 0o600)
	}
}
