package kind

import (
	"os"
	"strings"

	"wheelhouse/provisioner/host"
)

// Capacity tells how many clusters of one node the engine's machine can run, as
// host.Capacity does; 0 for an engine elsewhere.
func Capacity() (clusters int, reason string) {
	if engine := os.Getenv("DOCKER_HOST"); engine != "" && !strings.HasPrefix(engine, "unix://") {
		return 0, "" // another machine's kernel counts
	}
	return host.Capacity(os.DirFS("/proc"))
}
