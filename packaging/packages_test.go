//go:build packages

package packaging_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// rpmArch is this machine's architecture as rpm names it.
var rpmArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]

// built returns the package of this machine's architecture that `make packages` made.
func built(t *testing.T, name, ext string) string {
	t.Helper()
	dir := os.Getenv("WHEELHOUSE_PACKAGES")
	if dir == "" {
		t.Fatal("WHEELHOUSE_PACKAGES names no folder with packages; run `make test-packages`")
	}
	arch := runtime.GOARCH
	if ext == "rpm" {
		arch = rpmArch
	}
	found, err := filepath.Glob(filepath.Join(dir, name+`[_\-][0-9]*`+arch+"."+ext))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s.%s in %s: %v", name, ext, dir, err)
	}
	slices.SortFunc(found, func(a, b string) int { // the newest first
		one, err := os.Stat(a)
		two, err2 := os.Stat(b)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return two.ModTime().Compare(one.ModTime())
	})
	return found[0]
}

// run returns what a command prints, and fails the test where the command does.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// program returns the packaged program, unpacked.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "dpkg-deb", "-x", built(t, "wheelhouse", "deb"), dir)
	return filepath.Join(dir, "usr/bin/wheelhouse")
}

// inBoth are files of either package, with what rpm and dpkg say of mode and owner.
var inBoth = []string{
	"-rwxr-xr-x root/root /usr/bin/wheelhouse",
	"-rw-r--r-- root/root /usr/lib/systemd/system/wheelhouse.service",
	"-rw-r--r-- root/root /usr/lib/systemd/system/wheelhouse.socket",
	"-rw-r--r-- root/root /usr/lib/systemd/system/wheelhouse.slice",
	"-rw-r--r-- root/root /usr/lib/sysctl.d/60-wheelhouse.conf",
	"-rw-r--r-- root/root /etc/wheelhouse/wheelhouse.conf",
	"-rw-r--r-- root/root /usr/share/bash-completion/completions/wheelhouse",
	"-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/wheelhouse.fish",
	"-rw-r--r-- root/root /usr/share/doc/wheelhouse/operators.md",
	"-rw-r--r-- root/root /usr/share/doc/wheelhouse/LICENCES.gz",
	"-rw-r--r-- root/root /usr/share/doc/wheelhouse/changelog.gz",
	"-rw-r--r-- root/root /usr/share/man/man1/wheelhouse.1.gz",
	"-rw-r--r-- root/root /usr/share/man/man1/wheelhouse-serve.1.gz",
	"-rw-r--r-- root/root /usr/share/man/man1/wheelhouse-cluster-node-stop.1.gz",
	"-rw-r--r-- root/root /usr/share/man/man1/wheelhouse-pack-import.1.gz",
}

// wantFiles checks that a package has those files, and no file in another folder than
// packages may have.
func wantFiles(t *testing.T, got []string, more ...string) {
	t.Helper()
	for _, want := range append(more, inBoth...) {
		if !slices.Contains(got, want) {
			t.Errorf("it lacks %s", want)
		}
	}
	for _, line := range got {
		path := strings.Fields(line)[2]
		known := slices.ContainsFunc([]string{"/usr/bin/wheelhouse", "/usr/lib/systemd/system/", "/usr/lib/sysctl.d/", "/etc/wheelhouse/", "/usr/share/"},
			func(prefix string) bool { return strings.HasPrefix(path, prefix) })
		if !known && !strings.HasPrefix(line, "d") {
			t.Errorf("it has %s", line)
		}
		if strings.Contains(line, "manual") {
			t.Errorf("a hidden command has a page: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("it has:\n%s", strings.Join(got, "\n"))
	}
}

func TestDebContents(t *testing.T) {
	deb := built(t, "wheelhouse", "deb")
	var got []string
	for line := range strings.Lines(run(t, "dpkg-deb", "-c", deb)) {
		fields := strings.Fields(line) // mode owner size date time path
		got = append(got, fields[0]+" "+fields[1]+" "+strings.TrimPrefix(fields[5], "."))
	}
	wantFiles(t, got, "-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_wheelhouse",
		"-rw-r--r-- root/root /usr/share/doc/wheelhouse/copyright", "-rw-r--r-- root/root /usr/share/doc/wheelhouse/changelog.Debian.gz")

	for field, want := range map[string]string{
		"Package": "wheelhouse", "Section": "education", "Depends": "e2fsprogs, mount, kmod", "Recommends": "wheelhouse-pack", "Architecture": runtime.GOARCH,
	} {
		if got := strings.TrimSpace(run(t, "dpkg-deb", "-f", deb, field)); got != want {
			t.Errorf("%s: got %q, want %q", field, got, want)
		}
	}
	if got := run(t, "dpkg-deb", "-I", deb, "conffiles"); strings.TrimSpace(got) != "/etc/wheelhouse/wheelhouse.conf" {
		t.Errorf("conffiles: got %q", got)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		text := run(t, "dpkg-deb", "-I", deb, script)
		if !strings.HasPrefix(text, "#!/bin/sh\nset -e\n") {
			t.Errorf("%s begins with %q", script, text[:min(len(text), 30)])
		}
		check := exec.Command("sh", "-n")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

func TestRPMContents(t *testing.T) {
	needRPM(t)
	rpm := built(t, "wheelhouse", "rpm")
	var got []string
	for line := range strings.Lines(run(t, "rpm", "-qp", "--qf", `[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]`, rpm)) {
		got = append(got, strings.TrimSpace(line))
	}
	wantFiles(t, got, "-rw-r--r-- root/root /usr/share/zsh/site-functions/_wheelhouse", "-rw-r--r-- root/root /usr/share/licenses/wheelhouse/LICENSE")
	if got := run(t, "rpm", "-qpc", rpm); strings.TrimSpace(got) != "/etc/wheelhouse/wheelhouse.conf" {
		t.Errorf("configuration files: got %q", got)
	}
	flags := run(t, "rpm", "-qp", "--qf", `[%{FILEFLAGS:fflags} %{FILENAMES}\n]`, rpm)
	if !strings.Contains(flags, "cn /etc/wheelhouse/wheelhouse.conf") {
		t.Errorf("the settings are no file that is kept (config, noreplace):\n%s", flags)
	}
	requires := run(t, "rpm", "-qpR", rpm)
	for _, want := range []string{"e2fsprogs", "util-linux", "kmod"} {
		if !strings.Contains(requires, want+"\n") {
			t.Errorf("it does not require %s:\n%s", want, requires)
		}
	}
	if got := run(t, "rpm", "-qp", "--recommends", rpm); strings.TrimSpace(got) != "wheelhouse-pack" {
		t.Errorf("it recommends %q", got)
	}
	if got := run(t, "rpm", "-qp", "--qf", "%{DESCRIPTION}", rpm); !strings.HasPrefix(got, "Students open") || strings.Contains(got, "\n.\n") {
		t.Errorf("its description is written as Debian's:\n%s", got)
	}
	scripts := run(t, "rpm", "-qp", "--scripts", rpm)
	for _, want := range []string{"postinstall scriptlet", "preuninstall scriptlet", "postuninstall scriptlet", "try-restart wheelhouse.service"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("its scripts have no %q", want)
		}
	}
}

// TestProgramIsStatic: it runs on any Linux, whatever its C library.
func TestProgramIsStatic(t *testing.T) {
	name := program(t)
	file, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Error("it wants a loader")
		}
	}
	if libraries, err := file.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it wants %v", libraries)
	}
	// What it embeds is of its own architecture alone.
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, part := range []string{"wheelhouse-agent-linux-", "wheelhouse-machine-linux-"} {
			if got, want := bytes.Contains(text, []byte("dist/"+part+arch)) || bytes.Contains(text, []byte(part+arch)), arch == runtime.GOARCH; got != want {
				t.Errorf("it embeds %s%s: got %v, want %v", part, arch, got, want)
			}
		}
	}
	said := run(t, name, "version")
	if !strings.HasPrefix(said, "wheelhouse ") || strings.HasPrefix(said, "wheelhouse dev") {
		t.Errorf("its version: %s", said)
	}
}

// TestLicences: whatever is linked into the program comes with its licence.
func TestLicences(t *testing.T) {
	dir := t.TempDir()
	run(t, "dpkg-deb", "-x", built(t, "wheelhouse", "deb"), dir)
	text := run(t, "gzip", "-dc", filepath.Join(dir, "usr/share/doc/wheelhouse/LICENCES.gz"))
	for _, want := range []string{"github.com/gin-gonic/gin@", "k8s.io/client-go@", "@xterm/xterm@", "svelte@", "@fontsource-variable/figtree@", "SIL OPEN FONT LICENSE", "Apache License"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	bom := run(t, filepath.Join(dir, "usr/bin/wheelhouse"), "sbom", "program")
	for line := range strings.Lines(bom) {
		module, ok := strings.CutPrefix(strings.TrimSpace(line), `"purl": "pkg:golang/`)
		module = strings.TrimSuffix(strings.TrimSuffix(module, ","), `"`)
		name, _, _ := strings.Cut(module, "@")
		if ok && name != "std" && !strings.Contains(text, "\n"+name+"@") {
			t.Errorf("there is no licence of %s", name)
		}
	}
}

// TestLintian: what Debian's checker finds is mended, or stands with its reason in the
// overrides.
func TestLintian(t *testing.T) {
	out, err := exec.Command("lintian", "--allow-root", "--no-tag-display-limit", "--tag-display-limit", "0", built(t, "wheelhouse", "deb")).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "W: ") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if err != nil && !t.Failed() {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}
