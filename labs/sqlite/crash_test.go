package sqlite_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wheelhouse/grader"
)

const crashVariable = "WHEELHOUSE_TEST_RECORD_INTO"

// TestKill kills a process that records steps and says of each that it is saved,
// with kill -9. Whatever it said has to be there, and the database undamaged.
func TestKill(t *testing.T) {
	if path := os.Getenv(crashVariable); path != "" {
		recordForEver(t, path)
	}
	for _, after := range []int{1, 7, 40} {
		t.Run(strconv.Itoa(after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "wheelhouse.db")
			said := runAndKill(t, path, after)
			stores := open(t, path).Stores()
			steps, err := stores.Results.Of(t.Context(), "s_ada_connect")
			if err != nil {
				t.Fatal(err)
			}
			saved := map[string]bool{}
			for _, step := range steps {
				saved[step.Step] = !step.CompletedAt.IsZero()
			}
			for _, step := range said {
				if !saved[step] {
					t.Errorf("step %s was said to be saved and is lost", step)
				}
			}
		})
	}
}

// runAndKill returns the steps that the process said were saved before it died.
func runAndKill(t *testing.T, path string, after int) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	command.Env = append(os.Environ(), crashVariable+"="+path)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if step, ok := strings.CutPrefix(lines.Text(), "saved "); ok {
			if said = append(said, step); len(said) == after {
				if err := command.Process.Kill(); err != nil { // SIGKILL
					t.Fatal(err)
				}
			}
		} else {
			t.Log(lines.Text())
		}
	}
	if err := command.Wait(); err == nil {
		t.Fatal("the process ended by itself")
	}
	if len(said) < after {
		t.Fatalf("the process saved %d steps, want %d at least", len(said), after)
	}
	return said
}

func recordForEver(t *testing.T, path string) {
	stores := open(t, path).Stores()
	session := addSession(t, stores, addUser(t, stores, "ada"), "connect")
	for i := 0; ; i++ {
		step := fmt.Sprintf("step-%d", i)
		record(t, stores, session, []grader.Result{result(step, "check", grader.True, "")}, map[string]time.Time{step: start})
		fmt.Println("saved " + step)
	}
}
