package provisionertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"wheelhouse/provisioner"
)

// What a process finds in its environment that is started to be killed.
const (
	victimName = "WHEELHOUSE_CONTRACT_VICTIM"
	victimDir  = "WHEELHOUSE_CONTRACT_DIR"
)

// halfMade is the line that the victim says when it is time.
const halfMade = "wheelhouse contract: half made"

// victim reports whether this process was started to be killed.
func victim() bool { return os.Getenv(victimName) != "" }

// beKilled creates a cluster, and says when the first phase is over.
func (c *contract) beKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), c.CreateTimeout)
	defer cancel()
	w := newWatch(t)
	go func() {
		<-w.middle
		fmt.Println(halfMade)
	}()
	provider := c.New(t, os.Getenv(victimDir))
	_, err := provider.Create(ctx, os.Getenv(victimName), provisioner.Spec{}, func(p provisioner.Progress) {
		w.report(p)
		select {
		case <-w.middle:
			select {} // far enough: wait for the end
		default:
		}
	})
	t.Fatalf("the creation was over before the end came: %v", err)
}

// kill makes the cluster name in another process, and kills that in the middle.
func (c *contract) kill(t *testing.T, name string) {
	t.Helper()
	// The parts of this contract are no tests of the other process yet.
	test, _, _ := strings.Cut(t.Name(), "/killed_in_the_middle")
	var pattern []string
	for part := range strings.SplitSeq(test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.timeout="+(2*c.CreateTimeout).String())
	cmd.Env = append(os.Environ(), victimName+"="+name, victimDir+"="+c.dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	cmd.Stderr = &rest
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // it always fails: it was killed
	defer cmd.Process.Kill()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if lines.Text() == halfMade {
			return
		}
		fmt.Fprintln(&rest, lines.Text())
	}
	t.Fatalf("the process that makes half a cluster ended too early:\n%s", rest.String())
}
