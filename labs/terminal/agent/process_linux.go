package agent

import (
	"os"
	"strconv"
)

// deprioritise makes the kernel end that process and its children rather than
// the agent when the workstation's memory is used up. The agent may not lower
// its own rank, but it may raise another's. A failure changes nothing but that.
func deprioritise(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("500"), 0)
}
