//go:build packages

package packaging_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"

	"wheelhouse/provisioner/pack"
)

// smallPack makes the folder of a pack that can be opened, and makes no cluster.
func smallPack(t *testing.T, salt string) string {
	t.Helper()
	dir := t.TempDir()
	m := pack.Manifest{
		Version: 2, Kubernetes: "v1.36.3", Arch: runtime.GOARCH, Go: runtime.Version(),
		Components: []pack.Component{{Name: "Kubernetes", Module: "k8s.io/kubernetes", Version: "v1.36.3", License: "Apache-2.0"}},
		Packages:   []pack.Package{{Name: "bash", Version: "5.2.15-2+b7", License: "GPL-3+"}},
	}
	for _, name := range []string{pack.Licences, pack.Programs, pack.Programs + "/" + pack.HostRunc, pack.Runtime} { // in order
		file := pack.File{Path: name, Mode: "0755"}
		if name == pack.Programs {
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		} else {
			text := []byte(name + salt)
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(text)
			file.Size, file.Digest = int64(len(text)), "sha256:"+hex.EncodeToString(sum[:])
		}
		m.Files = append(m.Files, file)
	}
	text, err := json.Marshal(m.Files)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	m.Digest = "sha256:" + hex.EncodeToString(sum[:])
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// released runs packaging/release as `make release` does, with a small pack.
func released(t *testing.T, salt, version, signingKey string) (out string) {
	t.Helper()
	p, err := pack.Open(smallPack(t, salt))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "small.pack")
	if _, err := p.Export(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	if _, err := pack.Import(t.Context(), cache, file, nil); err != nil {
		t.Fatal(err)
	}
	out = t.TempDir()
	name := "wheelhouse-linux-" + runtime.GOARCH
	run(t, "cp", program(t), filepath.Join(out, name))
	cmd := exec.Command("./release", filepath.Join(out, name), out)
	cmd.Env = append(os.Environ(), "VERSION="+version, "PACKAGE_VERSION="+version, "SIGNING_KEY="+signingKey, "WHEELHOUSE_PACK_CACHE="+cache, "WHEELHOUSE_CONFIG=/dev/null",
		"MAINTAINER=Test <test@example.org>", "HOMEPAGE=https://example.org", "NFPM="+makeVariable(t, "NFPM"), "MINISIGN="+makeVariable(t, "MINISIGN"))
	// The packages of this version are not built again: it stands for them.
	run(t, "cp", built(t, "wheelhouse", "deb"), filepath.Join(out, "wheelhouse_"+version+"-1_"+runtime.GOARCH+".deb"))
	run(t, "cp", built(t, "wheelhouse", "rpm"), filepath.Join(out, "wheelhouse-"+version+"-1."+rpmArch+".rpm"))
	// Older builds leave what is not published.
	for _, stale := range []string{"wheelhouse-linux-stale", "wheelhouse_" + version + "~rc.1-1_stale.deb", "wheelhouse-" + version + "~rc.1-1.stale.rpm"} {
		if err := os.WriteFile(filepath.Join(out, stale), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("packaging/release: %v\n%s", err, text)
	}
	return out
}

// makeVariable returns what a variable of the Makefile comes to.
func makeVariable(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command("make", "-s", "-C", "..", "--eval", fmt.Sprintf("show-variable: ; @echo '$(%s)'", name), "show-variable")
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Fatalf("make says %q of %s: %v", out, name, err)
	}
	return strings.TrimSpace(string(out))
}

// TestRelease: what is published is whole, signed, and installs; what was changed on its
// way does not.
func TestRelease(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := private.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(secret, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const version, next = "99.0.0", "99.1.0"
	out := released(t, "one", version, secret)
	sums := run(t, "sh", "-c", `cd "$0" && sha256sum --strict -c SHA256SUMS`, out)
	for _, want := range []string{
		"wheelhouse-linux-" + runtime.GOARCH, "wheelhouse_" + version + "-1_" + runtime.GOARCH + ".deb", "wheelhouse-pack_" + version + "-1_" + runtime.GOARCH + ".deb",
		"wheelhouse-pack-" + version + "-1.", "wheelhouse-pack-" + runtime.GOARCH + ".pack", "wheelhouse.cdx.json", "wheelhouse-pack-" + runtime.GOARCH + ".cdx.json",
	} {
		if !strings.Contains(sums, want) {
			t.Errorf("SHA256SUMS has no %s:\n%s", want, sums)
		}
	}
	if strings.Contains(sums, "stale") {
		t.Errorf("SHA256SUMS has what an older build has left:\n%s", sums)
	}
	for _, name := range []string{"SHA256SUMS", "wheelhouse-pack-" + runtime.GOARCH + ".pack"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := os.ReadFile(filepath.Join(out, name+".minisig"))
		if err != nil {
			t.Fatal(err)
		}
		if !minisign.Verify(public, text, signature) {
			t.Errorf("%s.minisig does not fit", name)
		}
	}
	for name, want := range map[string]string{"wheelhouse.cdx.json": "pkg:golang/github.com/gin-gonic/gin@", "wheelhouse-pack-" + runtime.GOARCH + ".cdx.json": "pkg:deb/debian/bash@"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !json.Valid(text) || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s, %v", name, want, err)
		}
	}

	t.Run("pack", func(t *testing.T) {
		d := newDebian(t)
		d.install(built(t, "wheelhouse", "deb"))
		before := d.files()
		d.write(conf, strings.Replace(d.read(conf), "#WHEELHOUSE_PACK_KEY=RWQ...", "WHEELHOUSE_PACK_KEY="+public.String(), 1))
		deb := filepath.Join(out, "wheelhouse-pack_"+version+"-1_"+runtime.GOARCH+".deb")

		// One that was changed on its way: the package is not configured.
		dir := filepath.Join(t.TempDir(), "deb")
		run(t, "dpkg-deb", "-R", deb, dir)
		packed, err := os.ReadFile(filepath.Join(dir, "usr/lib/wheelhouse/wheelhouse.pack"))
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x') // of zstd: to be skipped
		if err := os.WriteFile(filepath.Join(dir, "usr/lib/wheelhouse/wheelhouse.pack"), packed, 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, "dpkg-deb", "-Znone", "-b", dir, d.path("/root/changed.deb"))
		changed, err := d.command(t.Context(), "dpkg", "--force-depends", "--install", "/root/changed.deb").CombinedOutput()
		if err == nil || !strings.Contains(string(changed), "is not what was signed") {
			t.Errorf("a changed pack: got %v and\n%s", err, changed)
		}
		if d.has("/var/lib/wheelhouse/pack/current") {
			t.Error("a changed pack was taken")
		}
		if err := os.Remove(d.path("/root/changed.deb")); err != nil {
			t.Fatal(err)
		}

		install := func(deb string) string {
			t.Helper()
			run(t, "cp", deb, d.path("/root/pack.deb"))
			// The program that is installed is older than the version that this release pretends.
			said := d.run("dpkg", "--force-depends", "--install", "/root/pack.deb")
			if err := os.Remove(d.path("/root/pack.deb")); err != nil {
				t.Fatal(err)
			}
			return said
		}
		if said := install(deb); !strings.Contains(said, "signed with the key "+fmt.Sprintf("%016X", public.ID())) {
			t.Errorf("the installation does not say who has signed the pack:\n%s", said)
		}
		first := strings.TrimSpace(d.run("wheelhouse", "pack", "path"))
		if !strings.HasPrefix(first, "/var/lib/wheelhouse/pack/packs/") {
			t.Errorf("the current pack is %s", first)
		}
		d.run("wheelhouse", "pack", "verify")
		// A person's own command finds it too.
		out, err := d.command(t.Context(), "env", "WHEELHOUSE_CONFIG=/dev/null", "wheelhouse", "pack", "path").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != first {
			t.Errorf("without the service's settings the current pack is %s, %v, want %s", out, err, first)
		}

		// Two newer packs later the first is still there, because a stopped cluster is made of it.
		d.write("/var/lib/wheelhouse/embedded/demo/record.json", `{"name": "demo", "state": "Ready",
  "pack": "`+first+`"}`)
		d.write(first+".users", "/var/lib/wheelhouse/embedded/demo\n")
		for i, salt := range []string{"two", "three"} {
			newer := released(t, salt, fmt.Sprintf("%s.%d", next, i), secret)
			install(filepath.Join(newer, fmt.Sprintf("wheelhouse-pack_%s.%d-1_%s.deb", next, i, runtime.GOARCH)))
		}
		if now := strings.TrimSpace(d.run("wheelhouse", "pack", "path")); now == first || !d.has(now) {
			t.Errorf("after two upgrades the current pack is %s, and the first was %s", now, first)
		}
		if !d.has(first + "/manifest.json") {
			t.Error("the pack of a cluster is gone after an upgrade")
		}

		if said := d.run("dpkg", "--purge", "wheelhouse-pack"); !strings.Contains(said, "clusters are made of them") || !d.has(first) {
			t.Errorf("purging the pack takes it from its cluster:\n%s", said)
		}
		if err := os.RemoveAll(d.path("/var/lib/wheelhouse/embedded")); err != nil {
			t.Fatal(err)
		}
		install(deb)
		d.run("dpkg", "--purge", "wheelhouse-pack")
		for _, name := range d.files() {
			if strings.Contains(name, "pack") && !slices.Contains(before, name) {
				t.Errorf("purging the pack leaves %s", name)
			}
		}
	})

	t.Run("lintian", func(t *testing.T) {
		deb := filepath.Join(out, "wheelhouse-pack_"+version+"-1_"+runtime.GOARCH+".deb")
		said, err := exec.Command("lintian", "--allow-root", "--tag-display-limit", "0", deb).CombinedOutput()
		for line := range strings.Lines(string(said)) {
			if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "W: ") {
				t.Error(strings.TrimSpace(line))
			}
		}
		if err != nil && !t.Failed() {
			t.Errorf("lintian: %v\n%s", err, said)
		}
	})
}

// TestReleaseUnsigned: without a key a release is made, says that it is not signed, and
// its pack installs where no key is wanted.
func TestReleaseUnsigned(t *testing.T) {
	out := released(t, "unsigned", "99.0.0", "")
	if found, _ := filepath.Glob(filepath.Join(out, "*.minisig")); len(found) > 0 {
		t.Errorf("there are signatures: %v", found)
	}
	deb := filepath.Join(out, "wheelhouse-pack_99.0.0-1_"+runtime.GOARCH+".deb")
	if strings.Contains(run(t, "dpkg-deb", "-c", deb), "minisig") {
		t.Error("the package has a signature")
	}
	d := newDebian(t)
	d.install(built(t, "wheelhouse", "deb"))
	run(t, "cp", deb, d.path("/root/pack.deb"))
	d.run("dpkg", "--force-depends", "--install", "/root/pack.deb")
	d.run("wheelhouse", "pack", "path")

	t.Run("rpm", func(t *testing.T) {
		needRPM(t)
		d := newDebian(t)
		before := d.files()
		d.rpm("--install", built(t, "wheelhouse", "rpm"))
		d.rpm("--install", filepath.Join(out, "wheelhouse-pack-99.0.0-1."+rpmArch+".rpm"))
		d.run("wheelhouse", "pack", "verify")
		d.rpm("--erase", "wheelhouse-pack")
		if out := d.run("wheelhouse", "pack", "path"); !d.has(strings.TrimSpace(out)) {
			t.Errorf("the pack is gone with its package, and clusters may be made of it: %s", out)
		}
		d.rpm("--erase", "wheelhouse")
		for _, name := range d.files() {
			if strings.Contains(name, "wheelhouse") && !strings.HasPrefix(name, "/var/lib/wheelhouse") && !slices.Contains(before, name) {
				t.Errorf("erasing both packages leaves %s", name)
			}
		}
	})
}
