package embedded

import (
	"fmt"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
)

// checkShares refuses a cluster whose memory is too little for its nodes, before
// anything of it is made.
func (p *Provider) checkShares(nodes int) error {
	memory := p.options.Limits.Memory
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil {
		memory = min(memory, int64(info.Totalram)*int64(info.Unit))
	}
	if _, err := machine.Divide(machine.Resources{Memory: memory}, nodes); err != nil {
		return &provisioner.Error{Reason: provisioner.CreateFailed, Err: err, Message: fmt.Sprintf(
			"A cluster of %d nodes needs more memory than a cluster can have here: %v. Ask for fewer workers, or raise --cluster-memory.", nodes, err)}
	}
	return nil
}
