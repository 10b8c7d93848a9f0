package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestUsage: whoever mistypes a command reads what was wrong and how it is used.
func TestUsage(t *testing.T) {
	tests := []struct {
		line string
		want []string // in the error; none is no error
	}{
		{"lab regrade", []string{"received 0", "Usage: wheelhouse lab regrade LAB", "wheelhouse lab regrade --help"}},
		{"lab verify --fast", []string{"unknown flag: --fast", "Usage: wheelhouse lab verify [LAB…]"}},
		{"lab verfy", []string{`unknown command "verfy" for "wheelhouse lab"`, "did you mean verify?", "wheelhouse lab --help"}},
		{"cluster node nothing", []string{`unknown command "nothing" for "wheelhouse cluster node"`}},
		{"cluster create", []string{"received 0", "Usage: wheelhouse cluster create NAME"}},
		{"lern", []string{`unknown command "lern"`, "learn"}},
		{"serve --max-clusters many", []string{`invalid argument "many"`, "Usage: wheelhouse serve"}},
		{"lab", nil},
		{"", nil},
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			root := newRootCommand()
			var out bytes.Buffer
			root.SetOut(&out)
			root.SetErr(&out)
			root.SetArgs(strings.Fields(test.line))
			err := root.ExecuteContext(t.Context())
			if test.want == nil {
				if err != nil || !strings.Contains(out.String(), "Available Commands") {
					t.Errorf("got %v and %q, want the help", err, out.String())
				}
				return
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}
