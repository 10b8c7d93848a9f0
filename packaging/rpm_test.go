//go:build packages

package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// needRPM skips a test where rpm is missing; `make test-packages` says so at its start.
func needRPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("SKIPPED: there is no rpm (apt install rpm)")
	}
}

// rpm runs this machine's rpm with a database in d. Scripts run in d, whose programs rpm
// does not know as packages.
func (d *debian) rpm(args ...string) string {
	d.t.Helper()
	cmd := exec.Command("rpm", append([]string{"--root", d.root, "--dbpath", "/var/cache/rpm", "--nodeps"}, args...)...)
	cmd.Env = chrootEnv // nothing of WHEELHOUSE_*, for the scripts
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("rpm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// olderRPM returns the package as if it were of an older version with other settings.
func olderRPM(t *testing.T) string {
	t.Helper()
	stage, dir := filepath.Join(os.Getenv("WHEELHOUSE_PACKAGES"), "."+runtime.GOARCH), t.TempDir()
	settings, config := filepath.Join(dir, "wheelhouse.conf"), filepath.Join(dir, "nfpm.yaml")
	run(t, "cp", "wheelhouse.conf", settings)
	change(t, settings, "#WHEELHOUSE_WARM=2", "#WHEELHOUSE_WARM=1")
	run(t, "cp", "nfpm.yaml", config)
	change(t, config, "source/packaging/wheelhouse.conf", settings)
	cmd := exec.Command("sh", "-c", makeVariable(t, "NFPM")+` package --config "$0" --packager rpm --target "$1"`, config, filepath.Join(dir, "older.rpm"))
	cmd.Dir = stage
	cmd.Env = append(os.Environ(), "ARCH="+runtime.GOARCH, "PACKAGE_VERSION=0.0.0~older", "MAINTAINER=Test <test@example.org>", "HOMEPAGE=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nfpm: %v\n%s", err, out)
	}
	return filepath.Join(dir, "older.rpm")
}

// TestRPMLife takes the package through what happens to one of rpm's: installed, upgraded
// and erased, on a machine with systemd and with a cluster that runs.
func TestRPMLife(t *testing.T) {
	needRPM(t)
	d := newDebian(t)
	rpm := built(t, "wheelhouse", "rpm")
	old := olderRPM(t)

	before := d.files()
	d.rpm("--install", rpm)
	d.rpm("--erase", "wheelhouse")
	for _, name := range d.files() {
		// Folders of more packages than ours are owned by Fedora's filesystem.
		if strings.Contains(name, "wheelhouse") && !slices.Contains(before, name) {
			t.Errorf("a package that was never used leaves %s", name)
		}
	}

	// The scripts see a systemd that runs, and a systemctl that notes what it is asked to
	// do and does no more than enable and disable. The scripts must not change the limits
	// of the kernel, which is this machine's.
	run(t, "mount", "--bind", d.path("/proc/sys"), d.path("/proc/sys"))
	run(t, "mount", "-o", "remount,bind,ro", d.path("/proc/sys"))
	if err := os.MkdirAll(d.path("/run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "mv", d.path("/usr/bin/systemctl"), d.path("/usr/bin/systemctl.real"))
	d.write("/usr/bin/systemctl", "#!/bin/sh\necho \"$*\" >>/tmp/systemctl\n"+
		"case $* in *able\\ *) exec systemctl.real --root=/ \"$@\" ;; esac\n")
	if err := os.Chmod(d.path("/usr/bin/systemctl"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantAsked := func(want ...string) {
		t.Helper()
		var got []string
		if d.has("/tmp/systemctl") {
			got = strings.Split(strings.TrimSpace(d.read("/tmp/systemctl")), "\n")
		}
		if !slices.Equal(got, want) {
			t.Errorf("systemctl is asked to %q, want %q", got, want)
		}
		_ = os.Remove(d.path("/tmp/systemctl"))
	}

	said := d.rpm("--install", old)
	if want := "systemctl enable --now wheelhouse"; !strings.Contains(said, want) {
		t.Errorf("an installation does not say %q:\n%s", want, said)
	}
	wantAsked("--system daemon-reload")
	if links := d.links(); len(links) > 0 {
		t.Errorf("an installation enables %v", links)
	}

	// Settings that were not changed become the new version's, and others stay.
	d.rpm("--upgrade", rpm)
	wantAsked("--system daemon-reload", "--system daemon-reload", "try-restart wheelhouse.service")
	if text := d.read(conf); !strings.Contains(text, "#WHEELHOUSE_WARM=2") {
		t.Error("an upgrade leaves the older version's settings, which were not changed")
	}
	d.rpm("--upgrade", "--oldpackage", old)
	d.write(conf, d.read(conf)+"WHEELHOUSE_WARM=7\n")
	d.write("/var/lib/wheelhouse/wheelhouse.db", "data")
	d.run("systemctl", "enable", "wheelhouse")
	links := d.links()
	if said := d.rpm("--upgrade", rpm); strings.Contains(said, "nothing of it runs yet") {
		t.Errorf("an upgrade speaks as an installation does:\n%s", said)
	}
	if text := d.read(conf); !strings.Contains(text, "WHEELHOUSE_WARM=7\n") || !strings.Contains(text, "#WHEELHOUSE_WARM=1\n") {
		t.Errorf("an upgrade has replaced changed settings:\n%s", text)
	}
	if !d.has(conf + ".rpmnew") {
		t.Error("the new version's settings are not beside the changed ones")
	}
	if got := d.links(); len(got) != 2 || !slices.Equal(got, links) {
		t.Errorf("after an upgrade %v are enabled, and were %v", got, links)
	}
	if d.read("/var/lib/wheelhouse/wheelhouse.db") != "data" {
		t.Error("an upgrade changes data")
	}

	cluster := newFakeCluster(t, d)
	_ = os.Remove(d.path("/tmp/systemctl"))
	said = d.rpm("--erase", "wheelhouse")
	for _, want := range []string{"go on running", "demo", "systemctl stop wheelhouse.slice"} {
		if !strings.Contains(said, want) {
			t.Errorf("a removal does not say %q:\n%s", want, said)
		}
	}
	wantAsked("stop wheelhouse.socket wheelhouse.service", "--quiet --no-reload disable wheelhouse.socket wheelhouse.service", "--system daemon-reload")
	if d.has("/usr/bin/wheelhouse") || d.has("/usr/lib/systemd/system/wheelhouse.slice") {
		t.Error("files of the package are left")
	}
	if links := d.links(); len(links) > 0 {
		t.Errorf("units that are gone are enabled: %v", links)
	}
	if !strings.Contains(d.read(conf+".rpmsave"), "WHEELHOUSE_WARM=7\n") || d.read("/var/lib/wheelhouse/wheelhouse.db") != "data" || !cluster.alive() {
		t.Error("settings, data and clusters do not stay")
	}
}
