package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// debian gets packages with apt, from the machine's own mirrors and checked with
// its own keys, into a state of its own: neither root nor a change to the system
// is needed. A resolution stays until it is asked for anew, so that a build
// without a network repeats the last one.
type debian struct {
	dir   string // of the cache; apt's state lies below
	fresh bool   // resolve again
	log   io.Writer
}

// aptPreferences makes apt take Debian's (or Ubuntu's) own packages where
// another source of the machine has them too.
const aptPreferences = "Package: *\nPin: release o=Debian\nPin-Priority: 900\n\nPackage: *\nPin: release o=Ubuntu\nPin-Priority: 900\n"

// resolve returns the packages called names with everything that they need, all
// of them in the cache.
func (d *debian) resolve(ctx context.Context, names []string) (*debSet, error) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		return nil, noDebian(err)
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	key := sha256.Sum256([]byte(aptPreferences + strings.Join(names, " ")))
	file := filepath.Join(d.dir, "resolved-"+hex.EncodeToString(key[:8])+".json")
	set := &debSet{archives: filepath.Join(d.dir, "archives")}
	if text, err := os.ReadFile(file); err == nil && !d.fresh && json.Unmarshal(text, set) == nil && set.complete() {
		return set, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, noDebian(err)
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	// An index that cannot be had may be that of a source with nothing of ours:
	// what matters is whether the packages can be chosen.
	_, updated := d.apt(ctx, "apt-get", "-q", "update")
	// apt leaves out of the list what lies in its cache already.
	list, err := d.apt(ctx, "apt-get", append([]string{"-qq", "-o", "Dir::Cache::archives=" + filepath.Join(d.dir, "empty"), "--print-uris", "install"}, names...)...)
	if err != nil {
		return nil, noPackages(errors.Join(updated, err))
	}
	if err := set.read(ctx, d, list); err != nil {
		return nil, err
	}
	if _, err := d.apt(ctx, "apt-get", append([]string{"-qq", "-y", "--download-only", "install"}, names...)...); err != nil {
		return nil, noPackages(errors.Join(updated, err))
	}
	if !set.complete() {
		return nil, noPackages(errors.New("apt says that it downloaded packages which are not there"))
	}
	text, err := json.MarshalIndent(set, "", " ")
	if err != nil {
		return nil, err
	}
	return set, errors.Join(provisioner.WriteFile(file, text), d.forget(file, set))
}

// forget removes what an earlier resolution has left.
func (d *debian) forget(file string, set *debSet) error {
	wanted := map[string]bool{file: true}
	for _, p := range set.Packages {
		if archive, ok := set.archive(p); ok {
			wanted[archive] = true
		}
	}
	for _, pattern := range []string{"resolved-*.json", "archives/*.deb"} {
		found, err := filepath.Glob(filepath.Join(d.dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range found {
			if !wanted[name] {
				if err := os.Remove(name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func noDebian(err error) error {
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: "A pack is put together from Debian's packages with apt and dpkg, which this machine does not have. " +
		"Build it on Debian or Ubuntu with `wheelhouse pack build`, move it here with `wheelhouse pack export` and `wheelhouse pack import`."}
}

func noPackages(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: "Debian's packages could not be downloaded. " +
		"Connect this machine to its package mirror once (apt's own settings are used), or import a pack that was made elsewhere: wheelhouse pack import FILE."}
}

// prepare makes the folders and files that apt wants.
func (d *debian) prepare() error {
	for _, dir := range []string{"state/lists/partial", "archives/partial", "empty/partial"} {
		if err := os.MkdirAll(filepath.Join(d.dir, dir), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"status": "", "preferences": aptPreferences} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// apt runs one of apt's programs on our own state, and returns what it printed.
func (d *debian) apt(ctx context.Context, program string, args ...string) ([]byte, error) {
	options := []string{
		"Dir::State=" + filepath.Join(d.dir, "state"),
		"Dir::State::status=" + filepath.Join(d.dir, "status"), // empty: as if nothing were installed
		"Dir::Cache=" + d.dir,
		"Dir::Cache::archives=" + filepath.Join(d.dir, "archives"),
		"Dir::Etc::preferences=" + filepath.Join(d.dir, "preferences"),
		"Dir::Etc::preferencesparts=" + filepath.Join(d.dir, "empty"),
		"Dir::Log=" + filepath.Join(d.dir, "empty"),
		"APT::Sandbox::User=", // else root's downloads run as a user who cannot get in here
		"APT::Install-Recommends=false",
		"Acquire::Languages=none",
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::CNF::DefaultEnabled=false",
		"Acquire::Retries=2",
		"Acquire::http::Timeout=20",
		"Acquire::https::Timeout=20",
		"Debug::NoLocking=true",
		"Dpkg::Use-Pty=false",
	}
	var all []string
	for _, option := range options {
		all = append(all, "-o", option)
	}
	cmd := exec.CommandContext(ctx, program, append(all, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	fmt.Fprintf(d.log, "+ %s %s\n", program, strings.Join(args, " "))
	cmd.Stdout, cmd.Stderr = d.log, d.log
	out, err := command.Output(cmd)
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return out, err
}
