package terminal_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"wheelhouse/labs/terminal"
	vt "wheelhouse/labs/terminal/screen"
)

// The line editor of a real shell and the screen count the same columns: what is typed,
// gone back over and deleted leaves exactly what the shell thinks is there.
func TestShellWidths(t *testing.T) {
	for _, text := range []string{"a", "é", "e\u0301", "漢字", "ｱ", "👍🏽", "👩‍👩‍👧", "🇩🇪", "❤️", "🥲"} {
		t.Run(text, func(t *testing.T) {
			cmd := exec.Command("/bin/bash", "--norc", "--noprofile", "-i")
			cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=xterm-256color", "PS1=$ ", "HISTFILE=")
			shell := startShell(t, cmd, terminal.Options{})
			viewer := view(t, shell, terminal.AttachRequest{})
			shown := vt.New(80, 24)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			see := func(want string) {
				t.Helper()
				buf := make([]byte, 4096)
				for line := ""; line != want; {
					frame, err := viewer.Next(ctx, buf)
					if err != nil {
						t.Fatalf("the screen shows %q, want %q: %v", line, want, err)
					}
					if frame.Kind == terminal.FrameOutput {
						shown.Write(frame.Payload)
						lines := strings.Split(shown.Text(), "\n")
						line = lines[len(lines)-1]
					}
				}
			}
			typeIn := func(keys string) {
				if err := viewer.Handle(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(keys)}); err != nil {
					t.Fatal(err)
				}
			}
			see("$")
			typeIn(text + "end")
			see("$ " + text + "end")
			typeIn("\x01x") // to the beginning of the line
			see("$ x" + text + "end")
			typeIn("\x05y") // and back to its end
			see("$ x" + text + "endy")
			typeIn("\b\b\b\b") // the shell takes what has no width together with what is before it
			for _, r := range text {
				if vt.Width(r) > 0 {
					typeIn("\b")
				}
			}
			typeIn("z")
			see("$ xz")
		})
	}
}

// The page counts by the same table.
func TestOneTableOfWidths(t *testing.T) {
	ours, err := os.ReadFile("screen/widths.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../web/src/terminal/widths.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, page) {
		t.Error("labs/terminal/screen/widths.json and web/src/terminal/widths.json differ; copy one over the other")
	}
}
