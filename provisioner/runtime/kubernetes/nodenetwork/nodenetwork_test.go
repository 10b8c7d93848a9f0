package nodenetwork_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/provisioner/runtime/kubernetes/nodenetwork"
)

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: it, user: {token: none}}]
`

func TestServeRefuses(t *testing.T) {
	folder := t.TempDir()
	good := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(good, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, "missing")
	tests := []struct {
		name, args string
		want       []string
	}{
		{"nothing", "", []string{"--config is missing", "--kubeconfig is missing", "--node-name is missing"}},
		{"a word", "--config a --kubeconfig b --node-name c word", []string{`"word" is no flag`}},
		{"a flag of another", "--proxy-mode nftables", []string{"unknown flag: --proxy-mode"}},
		{"no kubeconfig", "--config a --node-name c --kubeconfig " + missing, []string{"--kubeconfig", missing}},
		{"a range that is none", "--config a --node-name c --pod-cidr 10.0.0.0 --kubeconfig " + good, []string{"--pod-cidr", "10.0.0.0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := nodenetwork.Serve(t.Context(), strings.Fields(test.args))
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got the error %v, want %q in it", err, want)
				}
			}
		})
	}
}

// TestFindOnlyNFT: of all programs one is left to find, also at the next start.
func TestFindOnlyNFT(t *testing.T) {
	programs, only := t.TempDir(), filepath.Join(t.TempDir(), "only")
	for _, name := range []string{"nft", "iptables", "modprobe"} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		t.Setenv("PATH", programs)
		if err := nodenetwork.FindOnlyNFT(only); err != nil {
			t.Fatal(err)
		}
		if found, err := exec.LookPath("nft"); err != nil || found != filepath.Join(only, "nft") {
			t.Errorf("nft is found at %q, %v", found, err)
		}
		for _, name := range []string{"iptables", "modprobe"} {
			if found, err := exec.LookPath(name); err == nil {
				t.Errorf("%s is found at %s", name, found)
			}
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := nodenetwork.FindOnlyNFT(only); err == nil {
		t.Error("a machine with no nft is taken")
	}
}
