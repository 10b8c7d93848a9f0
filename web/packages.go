package web

import (
	_ "embed" // package-lock.json
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed package-lock.json
var lock []byte

// Package is a package of npm's that is part of the built front end.
type Package struct {
	Name      string
	Version   string
	License   string // SPDX
	Integrity string // "sha512-" and base64
}

// compiled are packages that are there for the build, by package.json, and leave
// code of theirs in its result all the same.
var compiled = []string{"svelte"}

// Packages lists what the front end is built of, in the order of names.
func Packages() ([]Package, error) {
	var file struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev                         bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, fmt.Errorf("package-lock.json: %w", err)
	}
	const folder = "node_modules/"
	var packages []Package
	for path, p := range file.Packages {
		at := strings.LastIndex(path, folder)
		if at < 0 {
			continue // the front end itself
		}
		name := path[at+len(folder):]
		if p.Dev && !slices.Contains(compiled, name) {
			continue
		}
		packages = append(packages, Package{name, p.Version, p.License, p.Integrity})
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return packages, nil
}
