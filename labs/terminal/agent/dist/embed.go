// Package dist holds the built agent, so that Wheelhouse can put it into the
// image of its workstations. `make parts` builds it into this folder. The agent
// itself must not import this package: it would hold itself.
package dist

import (
	"embed"
	"io/fs"
)

// The pattern matches .gitkeep too, so that a clean clone compiles.
//
//go:embed [.w]*
var files embed.FS

// Binary returns the agent for Linux on arch, a GOARCH. It is false where this
// Wheelhouse was built without it.
func Binary(arch string) ([]byte, bool) {
	binary, err := fs.ReadFile(files, "wheelhouse-agent-linux-"+arch)
	return binary, err == nil
}
