// Package web holds the page that people see: the built front end, as files in
// the binary. The sources beside this file are TypeScript and Svelte, and Vite
// builds them into dist. The package knows nothing of the API that the page
// calls; package server mounts what Dist returns.
package web

import (
	"embed"
	"io/fs"
)

// dist is empty but for .gitkeep in a clean clone, so that the module compiles
// before any front end is built.
//
//go:embed all:dist
var dist embed.FS

// Dist returns the built front end with index.html at its root. It is false
// where the binary was built without one.
func Dist() (fs.FS, bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false // cannot be: "dist" is a valid path
	}
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil, false
	}
	return files, true
}
