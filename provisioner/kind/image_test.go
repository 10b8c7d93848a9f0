package kind_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/provisionertest"
)

// TestWorkstationOffline: without a package mirror the workstation has what the
// node image has, and kubectl completes all the same.
func TestWorkstationOffline(t *testing.T) {
	provisionertest.NeedsEngine(t)
	nodeImage(t)
	engine(t, `[ "$1" = build ] && { shift; exec "$REAL" build --network none "$@"; }
exec "$REAL" "$@"`)
	o := ownWorkstation(t)
	o.Image = bareNode(t)
	p := newProvider(t, o)
	tag, err := p.EnsureWorkstation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer docker(t, "image", "rm", tag)
	if !strings.HasSuffix(tag, "-basic") {
		t.Errorf("got %s, want a basic image", tag)
	}
	again, err := p.EnsureWorkstation(t.Context())
	if err != nil || again != tag {
		t.Errorf("the second time: got %s %v, want %s", again, err, tag)
	}
	got := inImage(t, tag, `_kubectl_words kubectl "" get; COMP_WORDS=(kubectl get --out) COMP_CWORD=2; _kubectl_words kubectl --out get; echo "${COMPREPLY[@]}"`)
	if !strings.Contains(got, "--output") {
		t.Errorf("completion: got %q", got)
	}
}

// TestWorkstationOnBareNode: what a node image lacks is installed. kind's own
// images have neither vi nor less nor nano.
func TestWorkstationOnBareNode(t *testing.T) {
	provisionertest.NeedsEngine(t)
	nodeImage(t)
	o := ownWorkstation(t)
	o.Image = bareNode(t)
	tag, err := newProvider(t, o).EnsureWorkstation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer docker(t, "image", "rm", tag)
	if strings.HasSuffix(tag, "-basic") {
		t.Skip("SKIPPED: no package mirror can be reached, so it was not tested whether missing tools are installed")
	}
	got := inImage(t, tag, `for c in vi nano less curl jq ps ping; do command -v $c || echo no $c; done; complete -p k >/dev/null 2>&1; readlink -f $EDITOR; type -t _init_completion`)
	if want := regexp.MustCompile(`^(/\S+\n){7}/\S*nano\nfunction$`); !want.MatchString(got) {
		t.Errorf("got %q, want a match of %s", got, want)
	}
}

// TestOldWorkstations: an upgrade removes the image of the version before.
func TestOldWorkstations(t *testing.T) {
	provisionertest.NeedsEngine(t)
	nodeImage(t)
	o := ownWorkstation(t)
	before, err := newProvider(t, o).EnsureWorkstation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.Agent = append(o.Agent, " upgraded"...)
	after, err := newProvider(t, o).EnsureWorkstation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer docker(t, "image", "rm", after)
	if got := docker(t, "image", "ls", "-q", before); got != "" {
		t.Errorf("%s is still there", before)
	}
}

// ownWorkstation returns options whose workstation image no other test builds.
func ownWorkstation(t *testing.T) kind.Options {
	o := options(t)
	o.Agent = []byte("#!/bin/sh\n# " + t.Name() + newName())
	return o
}

// bareNode makes a node image without the tools that some node images lack.
func bareNode(t *testing.T) string {
	t.Helper()
	dir, tag := t.TempDir(), "wheelhouse-test/bare:"+newName()
	text := "FROM " + nodeImage(t) + "\nRUN apt-get purge -y -qq vim-tiny less jq >/dev/null\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	docker(t, "build", "-q", "--force-rm", "-t", tag, dir)
	t.Cleanup(func() { docker(t, "image", "rm", tag) })
	return tag
}

// inImage runs a script in an interactive shell of the image, as the student.
func inImage(t *testing.T, image, script string) string {
	t.Helper()
	out, err := exec.Command("docker", "run", "--rm", "--user", "student", "--entrypoint", "bash", image, "-ic", script).Output()
	if err != nil {
		t.Errorf("%s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}
