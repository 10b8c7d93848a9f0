package grader_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	agent "wheelhouse/labs/terminal/agent/dist"
	"wheelhouse/provisioner"
	provider "wheelhouse/provisioner/kind"
)

// clusterName is that of the one cluster of these tests, which they may break.
const clusterName = "grader-test"

// madeCluster is what testKubeconfig made and TestMain deletes.
var madeCluster struct {
	provider *provider.Provider
	folder   string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if made := madeCluster; made.folder != "" {
		if made.provider != nil {
			if err := made.provider.Delete(context.Background(), clusterName); err != nil {
				fmt.Fprintln(os.Stderr, "delete the cluster of the tests:", err)
				code = 1
			}
		}
		os.RemoveAll(made.folder)
	}
	os.Exit(code)
}

// testKubeconfig makes a cluster, once for all tests, and returns the file of its
// kubeconfig.
var testKubeconfig = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "wheelhouse-grader-")
	if err != nil {
		return "", err
	}
	madeCluster.folder = folder
	program, ok := agent.Binary(runtime.GOARCH)
	if !ok {
		return "", fmt.Errorf("the workstation's agent is not built; run: make parts")
	}
	clusters, err := provider.New(provider.Options{DataDir: folder, Agent: program})
	if err != nil {
		return "", err
	}
	madeCluster.provider = clusters
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if _, err := clusters.Create(ctx, clusterName, provisioner.Spec{}, nil); err != nil {
		return "", err
	}
	access, err := clusters.Access(ctx, clusterName)
	if err != nil {
		return "", err
	}
	kubeconfig, err := access.Admin()
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "kubeconfig")
	return file, os.WriteFile(file, kubeconfig, 0o600)
})
