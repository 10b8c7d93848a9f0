package compare_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/grader"
	"wheelhouse/grader/gradertest"
	"wheelhouse/provisioner/pack"
	"wheelhouse/provisioner/provisionertest"
)

// program is what `make build` builds.
const program = "../../bin/wheelhouse"

// cluster is a real one with the objects of gradertest in it.
type cluster struct {
	kubectl    string // the program
	kubeconfig string // the file
	config     *rest.Config
	client     kubernetes.Interface
}

// newCluster makes an embedded cluster, and deletes it with b.
func newCluster(b *testing.B) *cluster {
	b.Helper()
	needsJQ(b)
	from := provisionertest.NeedsPack(b)
	c := &cluster{kubectl: findKubectl(b, from)}
	dir := b.TempDir()
	cluster := func(command string, args ...string) []byte {
		b.Helper()
		return run(b, exec.Command(program, append([]string{"cluster", command, "--data", dir, "--provider", "embedded"}, args...)...))
	}
	b.Cleanup(func() { cluster("delete", "--all", "--yes") })
	cluster("create", "compare")
	c.kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(c.kubeconfig, cluster("kubeconfig", "compare"), 0o600); err != nil {
		b.Fatal(err)
	}
	var err error
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		b.Fatal(err)
	}
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		b.Fatal(err)
	}
	apply := c.command("apply", "--filename=-")
	apply.Stdin = strings.NewReader(gradertest.Manifests("typical", 3))
	run(b, apply)
	run(b, c.command("rollout", "status", "deployment/web", "--namespace=typical", "--timeout=5m"))
	return c
}

// findKubectl prefers the machine's own kubectl to the pack's, which holds all of
// Kubernetes and starts more slowly.
func findKubectl(b *testing.B, from *pack.Pack) string {
	b.Helper()
	if path, err := exec.LookPath("kubectl"); err == nil {
		return path
	}
	image := b.TempDir()
	if err := from.Mount(image); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := syscall.Unmount(image, 0); err != nil {
			b.Error(err)
		}
	})
	return filepath.Join(image, pack.Workstation, "usr/local/bin/kubectl")
}

func (c *cluster) command(args ...string) *exec.Cmd {
	return exec.Command(c.kubectl, append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
}

// run returns what a command printed.
func run(b *testing.B, cmd *exec.Cmd) []byte {
	b.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	return out
}

// get is `kubectl get`.
func (c *cluster) get(b *testing.B, what ...string) []byte {
	b.Helper()
	return run(b, c.command(append([]string{"get", "--namespace=typical", "--output=json"}, what...)...))
}

// judgeEach runs a kubectl and a jq for each check.
func (c *cluster) judgeEach(b *testing.B) verdicts {
	b.Helper()
	found := verdicts{}
	for _, s := range scripts {
		holds, err := jq(bytes.NewReader(c.get(b, s.get...)), s.named+" | "+s.judge)
		if err != nil {
			b.Fatal(err)
		}
		found[s.name] = holds
	}
	return found
}

// judgeAll runs a kubectl and a jq for all checks together.
func (c *cluster) judgeAll(b *testing.B) verdicts {
	b.Helper()
	var each []string
	for _, s := range scripts {
		each = append(each, "("+s.judge+")")
	}
	holds, err := jq(bytes.NewReader(c.get(b, getAll...)), namedAll+" | "+strings.Join(each, " and "))
	if err != nil {
		b.Fatal(err)
	}
	found := verdicts{}
	for _, s := range scripts {
		found[s.name] = holds // one word for all
	}
	return found
}

// poll judges once a second until b ends, and tells of the greeting each time.
func (c *cluster) poll(b *testing.B, judge func(b *testing.B) verdicts) <-chan bool {
	greeting := make(chan bool, 1000)
	ended := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				greeting <- judge(b)["settings"]
			case <-ended:
				return
			}
		}
	})
	b.Cleanup(func() {
		close(ended)
		work.Wait()
	})
	return greeting
}

// watch has the grader judge until b ends, and tell of the greeting.
func (c *cluster) watch(b *testing.B) <-chan bool {
	b.Helper()
	lab := gradertest.Lab("typical", 3)
	compiled, err := grader.Compile(lab)
	if err != nil {
		b.Fatal(err)
	}
	greeting := make(chan bool, 1000)
	watcher := compiled.Watch(c.config, grader.Options{OnResults: func(results []grader.Result) {
		for _, result := range results {
			if result.Check == "settings" {
				greeting <- result.Status == grader.True
			}
		}
	}})
	watcher.Open([]string{lab.Steps[0].Name})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- watcher.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Errorf("the grader: %v", err)
		}
	})
	return greeting
}

// greet has the ConfigMap say hello, or something else.
func (c *cluster) greet(b *testing.B, hello bool) {
	b.Helper()
	word := "bye"
	if hello {
		word = "hello"
	}
	_, err := c.client.CoreV1().ConfigMaps("typical").Patch(context.Background(), "settings", types.MergePatchType,
		[]byte(`{"data":{"greeting":"`+word+`"}}`), metav1.PatchOptions{})
	if err != nil {
		b.Fatal(err)
	}
}
