package terminal

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// killSession kills every process of the session that the process leader led,
// whatever process groups it made, and however fast it forks. Where there is no
// /proc it kills the leader's own process group only.
func killSession(leader int) {
	_ = syscall.Kill(-leader, syscall.SIGKILL)
	for range 100 {
		if killMembers(leader) == 0 {
			return
		}
	}
}

// killMembers kills the members of a session that it finds, and returns how
// many there were.
func killMembers(leader int) int {
	proc, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	killed := 0
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if session, alive := sessionOf(pid); alive && session == leader {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}
	return killed
}

// sessionOf returns the session of a process. Zombies are not alive.
func sessionOf(pid int) (session int, alive bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The name of the program, in parentheses, may hold anything. After it come
	// state, parent, process group and session.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 4 {
		return 0, false
	}
	session, err = strconv.Atoi(string(fields[3]))
	return session, err == nil && fields[0][0] != 'Z' && fields[0][0] != 'X'
}
