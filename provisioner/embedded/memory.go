package embedded

import (
	"fmt"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
)

// checkShares refuses a cluster whose memory is too little for its nodes, before
// anything of it is made.
func (p *Provider) checkShares(nodes int) error {
	if _, err := machine.Divide(machine.Resources{Memory: p.options.Limits.Memory}, nodes); err != nil {
		return &provisioner.Error{Reason: provisioner.CreateFailed, Err: err, Message: fmt.Sprintf(
			"A cluster of %d nodes needs more memory than a cluster may take: %v. Ask for fewer workers, or raise --cluster-memory.", nodes, err)}
	}
	return nil
}
