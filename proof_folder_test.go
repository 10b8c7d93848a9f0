package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

// temporary makes a folder for temporary files, in which all commands put theirs. Its
// path is short, since the paths of sockets have to be.
func temporary(t *testing.T) string {
	dir, err := os.MkdirTemp("", "wh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// TestAbandonedProofs: a folder is abandoned once its process is gone, and only one of
// this user's that "lab verify" has made.
func TestAbandonedProofs(t *testing.T) {
	dir := temporary(t)
	alive, err := newProofFolder()
	if err != nil {
		t.Fatal(err)
	}
	if got := abandonedProofs(); len(got) != 0 {
		t.Errorf("with its process alive: got %v", got[0].path)
	}
	for name, mode := range map[string]os.FileMode{"unlocked": 0o700, "open": 0o755} {
		path := filepath.Join(dir, proofFolders+name)
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, proofFolders+"open", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(alive.path, filepath.Join(dir, proofFolders+"link")); err != nil {
		t.Fatal(err)
	}
	alive.lock.Close() // as the end of its process does
	got := abandonedProofs()
	if len(got) != 1 || got[0].path != alive.path {
		t.Fatalf("got %v, want that of the process that is gone", got)
	}
	if again := abandonedProofs(); len(again) != 0 {
		t.Errorf("while it is taken apart another may take it, too")
	}
	var said strings.Builder
	if err := (&config{}).deleteProofs(t.Context(), got[0], &said); err != nil || !strings.Contains(said.String(), alive.path) {
		t.Errorf("got %q, %v", said.String(), err)
	}
	if _, err := os.Stat(alive.path); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
}

// TestKilledVerify kills a "lab verify" that has a real cluster, and one whose cluster is
// being made; the next command that deletes everything leaves nothing of it.
func TestKilledVerify(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		provisionertest.NeedsPack(t)
		killVerify(t, config{Provider: providerEmbedded, PackCache: provisionertest.PackCache(t)}, provisioner.Ready, embeddedLeft)
	})
	t.Run("kind", func(t *testing.T) {
		provisionertest.NeedsEngine(t)
		killVerify(t, config{Provider: providerKind, NodeImage: provisionertest.NodeImage()}, provisioner.Creating, kindLeft)
	})
}

// embeddedLeft lists what is left on this machine of a cluster of a data folder.
func embeddedLeft(t *testing.T, data, cluster string) (left []string) {
	for _, pattern := range []string{"/run/wheelhouse/runc/" + cluster + "-*", "/sys/fs/cgroup/*/" + cluster + "-*", "/sys/fs/cgroup/*/*/" + cluster + "-*"} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	links, _ := filepath.Glob("/run/wheelhouse/ids/*")
	for _, link := range links {
		if owner, _ := os.Readlink(link); strings.HasPrefix(owner, data+"/") {
			left = append(left, link)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), data) {
		left = append(left, "a mount below "+data)
	}
	return left
}

// kindLeft lists what an engine has of a cluster.
func kindLeft(t *testing.T, _, cluster string) (left []string) {
	for _, list := range []string{"ps --all --format {{.Names}}", "network ls --format {{.Name}}"} {
		out, err := exec.CommandContext(t.Context(), "docker", strings.Fields(list)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(string(out)) {
			if strings.HasPrefix(name, cluster) {
				left = append(left, name)
			}
		}
	}
	return left
}

// kindVolumes lists the volumes of a cluster's control plane, where there is one.
func kindVolumes(t *testing.T, cluster string) []string {
	out, _ := exec.CommandContext(t.Context(), "docker", "inspect", "--format", `{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}`, cluster+"-control-plane").Output()
	return strings.Fields(string(out)) // it has been listed, or is not there yet
}

// clusterFolders are where, in a data folder, providers keep their clusters.
var clusterFolders = map[string]string{providerEmbedded: "embedded", providerKind: "clusters"}

// killVerify kills a "lab verify" when its cluster is in that state.
func killVerify(t *testing.T, cfg config, state provisioner.State, leftOf func(t *testing.T, data, cluster string) []string) {
	dir := temporary(t)
	run := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--provider", cfg.Provider, "--pack-cache", cfg.PackCache, "--node-image", cfg.NodeImage)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stderr = t.Output()
		return cmd
	}
	verify := run("lab", "verify", "connect", "--only", "solution", "--runs", "1")
	if err := verify.Start(); err != nil {
		t.Fatal(err)
	}
	var data string
	var clusters []provisioner.Cluster
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	reached := func() bool {
		return len(clusters) > 0 && clusters[0].State == state && (cfg.Provider != providerKind || len(kindVolumes(t, clusters[0].Name)) > 0)
	}
	for tick := time.NewTicker(100 * time.Millisecond); !reached(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = verify.Process.Kill()
			t.Fatalf("no cluster is %s after five minutes", state)
		}
		if folders, _ := filepath.Glob(filepath.Join(dir, proofFolders+"*", clusterFolders[cfg.Provider])); len(folders) == 1 {
			data = filepath.Dir(folders[0])
			own := cfg
			own.Data = data
			provider, err := own.openProvider(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if clusters, err = provider.List(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	volumes := kindVolumes(t, clusters[0].Name)
	other := filepath.Join(dir, "data")
	if out, err := run("cluster", "delete", "--all", "--data", other).Output(); err != nil || strings.Contains(string(out), "Deleted") {
		t.Errorf("while it runs: got %s, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(data, clusterFolders[cfg.Provider], clusters[0].Name)); err != nil {
		t.Errorf("its cluster was taken from it: %v", err)
	}
	if err := verify.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = verify.Wait() // it was killed
	if out, err := run("cluster", "delete", "--all", "--data", other).Output(); err != nil || !strings.Contains(string(out), "Deleted the clusters and the folder "+data) {
		t.Errorf("got %s, %v, want it to name %s", out, err, data)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("left: %s, %v", data, err)
	}
	if left := leftOf(t, data, clusters[0].Name); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	for _, volume := range volumes {
		if exec.CommandContext(t.Context(), "docker", "volume", "inspect", volume).Run() == nil {
			t.Errorf("left: the volume %s", volume)
		}
	}
}
