// Package dist holds the built program of package machine, so that Wheelhouse
// can start it in its clusters. `make parts` builds it into this folder.
package dist

import (
	"embed"
	"io/fs"
)

// The pattern matches .gitkeep too, so that a clean clone compiles.
//
//go:embed [.w]*
var files embed.FS

// Binary returns the program for Linux on arch, a GOARCH. It is false where this
// Wheelhouse was built without it.
func Binary(arch string) ([]byte, bool) {
	binary, err := fs.ReadFile(files, "wheelhouse-machine-linux-"+arch)
	return binary, err == nil
}
