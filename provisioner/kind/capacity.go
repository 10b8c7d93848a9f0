package kind

import (
	"os"
	"strings"

	"wheelhouse/provisioner/host"
)

// Supplies returns what the engine's machine has for clusters; none for an engine
// elsewhere. Which processes are a cluster's cannot be told, so nothing counts as
// used.
func Supplies() []host.Supply {
	if engine := os.Getenv("DOCKER_HOST"); engine != "" && !strings.HasPrefix(engine, "unix://") {
		return nil // another machine's kernel counts
	}
	return host.Supplies(os.DirFS("/proc"), clusterMemory, nil)
}
