// Package pack makes and keeps runtime packs. A pack is a folder with all that
// real Kubernetes needs on a machine without a container engine: an image with the
// root file systems of nodes and workstations and with what containerd holds once
// every container image has been imported, and the programs that the host runs.
// Upstream's programs are built from the Go modules pinned in provisioner/runtime,
// everything else comes from Debian's packages; no registry is asked.
//
// The package knows neither clusters nor labs. Package main's commands call Build,
// Verify, Export and Import; a provider calls Open or Current and only reads.
package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"wheelhouse/provisioner"
)

// What a pack's folder holds beside its manifest.
const (
	Runtime  = "runtime.erofs" // what clusters see: an image of Node, Workstation and Containerd
	Programs = "bin"           // what the host itself runs
	Images   = "images"        // the images as archives, NAME.tar
	Licences = "LICENCES.txt"  // the texts, of everything that is linked into the programs
	manifest = "manifest.json" // see Manifest
	current  = "current"       // in the cache: a link to the pack that is in use
	packs    = "packs"         // in the cache: the packs, by digest
)

// HostRunc is the program in Programs that runs the outermost containers.
const HostRunc = "runc"

// Pack is a pack that was opened. It is only read.
type Pack struct {
	dir      string
	manifest *Manifest
}

// Dir is the pack's folder, with no symbolic link in its path.
func (p *Pack) Dir() string { return p.dir }

// Manifest says what the pack holds. It is shared and not to be changed.
func (p *Pack) Manifest() *Manifest { return p.manifest }

// Open reads the manifest of the pack in dir. It looks at nothing else but that
// the files are there: Verify does. The error is a *provisioner.Error.
func Open(dir string) (*Pack, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, notAPack(dir, err)
	}
	m, err := readManifest(filepath.Join(real, manifest))
	if err != nil {
		return nil, notAPack(dir, err)
	}
	if m.Arch != runtime.GOARCH {
		return nil, &provisioner.Error{Reason: provisioner.NoPack, Message: fmt.Sprintf("The runtime pack in %s is for %s machines; this one is %s. Import or build one for it.", dir, m.Arch, runtime.GOARCH)}
	}
	for _, name := range []string{Runtime, Programs + "/" + HostRunc} {
		if stat, err := os.Lstat(filepath.Join(real, name)); err != nil || !stat.Mode().IsRegular() {
			return nil, notAPack(dir, fmt.Errorf("there is no file %s", name))
		}
	}
	return &Pack{dir: real, manifest: m}, nil
}

func notAPack(dir string, err error) error {
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(
		"%s holds no runtime pack that can be used. Build one with `wheelhouse pack build`, or bring one with `wheelhouse pack import FILE`.", dir)}
}

// DefaultCache is the folder where a person's packs lie.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for caches: %w; name one with --pack-cache", err)
	}
	return filepath.Join(dir, "wheelhouse", "pack"), nil
}

// Current opens the pack that was built or imported last. The error is a
// *provisioner.Error that says how to get one.
func Current(cache string) (*Pack, error) {
	p, err := Open(filepath.Join(cache, current))
	if errors.Is(err, fs.ErrNotExist) && !isThere(filepath.Join(cache, current)) {
		return nil, &provisioner.Error{Reason: provisioner.NoPack, Message: "There is no runtime pack yet, which clusters without a container engine are made from. " +
			"Build it with `make pack` or `wheelhouse pack build` (once, some minutes), or bring one from another machine with `wheelhouse pack import FILE`."}
	}
	return p, err
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
