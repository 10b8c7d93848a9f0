package workstationtest

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
)

// Terminal types into a terminal as a browser does: Tab completes, and
// `kubectl edit` opens nano.
func (w Workstation) Terminal(t *testing.T) {
	conn, err := terminal.Attach(t.Context(), w.Dial, terminal.AttachRequest{Terminal: "main", Cols: 120, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	screen := make(chan []byte, 1024)
	go func() {
		defer close(screen)
		for {
			frame, err := conn.Read()
			if err != nil {
				return
			}
			if frame.Kind == terminal.FrameOutput {
				screen <- bytes.Clone(frame.Payload)
			}
		}
	}()
	var seen bytes.Buffer
	expect := func(pattern string) {
		t.Helper()
		want := regexp.MustCompile(pattern)
		timeout := time.After(30 * time.Second)
		for !want.Match(seen.Bytes()) {
			select {
			case some, open := <-screen:
				if !open {
					t.Fatalf("the terminal ended; want %s in %q", pattern, seen.String())
				}
				seen.Write(some)
			case <-timeout:
				t.Fatalf("no %s in %q", pattern, seen.String())
			}
		}
		seen.Next(want.FindIndex(seen.Bytes())[1])
	}
	keys := func(text string) {
		t.Helper()
		if err := conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	expect(regexp.QuoteMeta("student@workstation") + `.*~.*\$ `)
	keys("k get storageclas\t")
	expect(`storageclasses\.storage\.k8s\.io`)
	keys("\r")
	expect(`standard \(default\)`)
	keys("kubectl edit namespace default\r")
	expect(`GNU nano`)
	keys("\x18")
	expect(`Edit cancelled, no changes made`)
	keys(fmt.Sprintf("echo %s\r", `"$USER:$HOME:$TERM"`))
	expect(`student:/home/student:xterm-256color`)
}
