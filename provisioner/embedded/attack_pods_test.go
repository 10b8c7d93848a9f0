package embedded_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

var attackProgram = program("wheelhouse/provisioner/embedded/testdata/attack")

// result is what testdata/attack reports of one attempt.
type result struct {
	Attack, Way, Where, Device, FS, Root, Note string
	Done                                       []string
	Refused                                    map[string]int
	Count                                      int
}

// podsWithin is how long Pods may take to start: the machines that run the tests are
// busy ones.
const podsWithin = 6 * time.Minute

// podOn is the name of the Pod that attacks from a node.
func podOn(node string) string { return "attack-" + node }

// run runs a script on the workstation. What it printed is in the error, too.
func (c *opened) run(ctx context.Context, within time.Duration, script string) ([]byte, error) {
	got, err := terminal.Run(ctx, c.Dial, terminal.RunRequest{Command: []string{"bash", "-c", script}, User: true, Timeout: within})
	if err == nil && got.ExitCode != 0 {
		err = fmt.Errorf("exit code %d", got.ExitCode)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %.200s: %w: %.300s %.600s", c.name, script, err, got.Stdout, got.Stderr)
	}
	return got.Stdout, nil
}

// upload puts the program that attacks into the student's home.
func (c *opened) upload(ctx context.Context) error {
	program, err := attackProgram()
	if err != nil {
		return err
	}
	return terminal.WriteFile(ctx, c.Dial, "/home/student/attack", 0o700, program)
}

// startAttackPod starts the Pod with all that is the node's, and puts the program in.
func (c *opened) startAttackPod(ctx context.Context, node string) error {
	text, err := os.ReadFile("testdata/attack/pod.yaml")
	if err != nil {
		return err
	}
	if err := c.upload(ctx); err != nil {
		return err
	}
	_, err = c.run(ctx, podsWithin, fmt.Sprintf(`kubectl apply -f - <<'END' && kubectl wait --for=condition=Ready pod/%[1]s --timeout=180s &&
%[2]sEND
		kubectl exec -i %[1]s -- sh -c 'cat >/tmp/attack && chmod +x /tmp/attack && mkdir -p /tmp/m' <attack`,
		podOn(node), strings.ReplaceAll(string(text), "NODE", node)))
	return err
}

// imagePod is a Pod with a container of each image, which runs the attack's program
// to do nothing.
const imagePod = `
apiVersion: v1
kind: Pod
metadata: {name: images}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: tools, emptyDir: {}}]
  initContainers:
  - {name: tools, image: "busybox:1.36", command: [sh, -c, "until test -e /tools/ready; do usleep 50000; done"], volumeMounts: [{name: tools, mountPath: /tools}]}
  containers:
`

// startImagePods starts a container of every image, whose root file systems are
// compared.
func (c *opened) startImagePods(ctx context.Context, images []string) error {
	if err := c.upload(ctx); err != nil {
		return err
	}
	pod := imagePod
	for i, image := range images {
		pod += fmt.Sprintf("  - {name: c%d, image: %q, imagePullPolicy: IfNotPresent, command: [/tools/attack, wait, %[2]q], volumeMounts: [{name: tools, mountPath: /tools}]}\n", i, image)
	}
	_, err := c.run(ctx, podsWithin, `kubectl apply -f - <<'END' &&
`+pod+`END
for i in $(seq 60); do kubectl exec -i images -c tools -- sh -c 'cat >/tools/attack && chmod 755 /tools/attack && touch /tools/ready' <attack 2>said && break; sleep 1; done
kubectl wait --for=condition=Ready pod/images --timeout=300s || { cat said; kubectl get pod images -o jsonpath='{.status.containerStatuses[*].state}'; exit 1; }`)
	return err
}

// attackWithin is how long one attack may take.
const attackWithin = 4 * time.Minute

// attack runs an attack in the Pod on the node and returns what it reports.
func (c *opened) attack(ctx context.Context, node string, args ...string) ([]result, error) {
	out, err := c.run(ctx, attackWithin, fmt.Sprintf("kubectl exec %s -- /tmp/attack %s", podOn(node), quoted(args)))
	if err != nil {
		return nil, err
	}
	return decode(out)
}

// attackApart is attack for what may break the connections between the Pod and the
// workstation: the results are read from outside, where the node has them.
func (c *opened) attackApart(t *testing.T, node string, args ...string) ([]result, error) {
	t.Helper()
	ctx := t.Context()
	const file = "/wheelhouse-attack-results"
	kubelets := processesWith(t, c.name, "kubelet", node)
	if len(kubelets) == 0 {
		return nil, fmt.Errorf("no kubelet of %s", node)
	}
	root, err := os.OpenRoot(kubelets[0] + "/root")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := c.run(ctx, attackWithin, fmt.Sprintf("kubectl exec %s -- /tmp/attack apart /node%s %s", podOn(node), file, quoted(args))); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, attackWithin)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := root.ReadFile(file[1:])
		if err == nil {
			return decode(out)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func quoted(args []string) string {
	var text strings.Builder
	for _, arg := range args {
		text.WriteString(" '" + strings.ReplaceAll(arg, "'", `'\''`) + "'")
	}
	return text.String()
}

// decode reads the results of testdata/attack.
func decode(text []byte) ([]result, error) {
	plain, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("results %.100q: %w", text, err)
	}
	var all []result
	for decoder := json.NewDecoder(plain); ; {
		var r result
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, r)
	}
}

// onEachNode attacks from all of the attacker's nodes at once. What was attacked is
// told with the node before it: NODE: WHERE.
func (a *arena) onEachNode(t *testing.T, args ...string) []result {
	t.Helper()
	all, errs := make([][]result, len(nodes)), make([]error, len(nodes))
	var wait sync.WaitGroup
	for i, node := range nodes {
		wait.Go(func() {
			all[i], errs[i] = a.attacker.attack(t.Context(), node, args...)
			for j := range all[i] {
				all[i][j].Where = node + ": " + all[i][j].Where
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(all...)
}
