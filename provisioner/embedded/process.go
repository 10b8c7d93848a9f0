package embedded

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// process is one process of this machine, for as long as it lives: numbers are
// used again, but not with the same start.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot: field 22 of proc_pid_stat(5)
}

// processOf looks at a process that is alive.
func processOf(pid int) (process, error) {
	start, _, err := stat(pid)
	return process{pid, start}, err
}

// alive reports whether it is this very process that still runs.
func (p process) alive() bool {
	if p.PID <= 0 {
		return false
	}
	start, state, err := stat(p.PID)
	return err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// stat reads when a process was started, and its state's letter.
func stat(pid int) (start uint64, state byte, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The command's name, in parentheses, may hold anything: count from its end.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const startField = 22 - 3
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	start, err = strconv.ParseUint(string(fields[startField]), 10, 64)
	return start, fields[0][0], err
}
