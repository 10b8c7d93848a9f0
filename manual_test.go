package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestManual: each command that help shows has a page, and no page tells where it
// was made.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	root := newRootCommand()
	root.SetArgs([]string{"manual", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() {
			return
		}
		pages++
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		text, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		for _, want := range []string{cmd.Short, "Nov 2023"} {
			if !strings.Contains(strings.ReplaceAll(string(text), `\-`, "-"), want) {
				t.Errorf("%s.1 has no %q", name, want)
			}
		}
		if strings.Contains(string(text), home+"/") {
			t.Errorf("%s.1 has the folder %s", name, home)
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(root)
	if found, _ := filepath.Glob(filepath.Join(dir, "*")); pages < 20 || len(found) < pages {
		t.Errorf("%d files for %d commands", len(found), pages)
	}
}
