package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// find returns a command of the whole program, as a command line names it.
func find(t *testing.T, args ...string) *cobra.Command {
	t.Helper()
	cmd, _, err := newRootCommand().Find(args)
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestSettings(t *testing.T) {
	for name, test := range map[string]struct {
		command     []string
		args        []string
		environment string // of WHEELHOUSE_DATA
		text        string
		want        map[string]string // flags
		wantErr     []string
	}{
		"comments and blanks": {
			command: []string{"serve"},
			text:    "# a comment\n\n; another\nWHEELHOUSE_DATA=/srv/a\n  WHEELHOUSE_WARM = 5\n",
			want:    map[string]string{"data": "/srv/a", "warm": "5"},
		},
		"values and quotation marks": {
			command: []string{"serve"},
			text:    "WHEELHOUSE_DATA=\"/srv/a b\"\nWHEELHOUSE_PUBLIC_URL='https://lab.example.org'\nWHEELHOUSE_WARM=5\nWHEELHOUSE_IDLE=\n",
			want:    map[string]string{"data": "/srv/a b", "public-url": "https://lab.example.org", "warm": "5", "idle": "2h0m0s"},
		},
		"another command's settings are left alone": {
			command: []string{"cluster", "list"},
			text:    "WHEELHOUSE_PUBLIC_URL=nonsense\nWHEELHOUSE_DATA=/srv/a\n",
			want:    map[string]string{"data": "/srv/a"},
		},
		"a flag wins":          {command: []string{"doctor"}, args: []string{"--data", "/f"}, environment: "/e", text: "WHEELHOUSE_DATA=/c\n", want: map[string]string{"data": "/f"}},
		"the environment wins": {command: []string{"doctor"}, environment: "/e", text: "WHEELHOUSE_DATA=/c\n", want: map[string]string{"data": "/e"}},
		"the file wins over the default": {command: []string{"pack", "list"}, text: "WHEELHOUSE_PACK_CACHE=/var/lib/wheelhouse/pack\n",
			want: map[string]string{"pack-cache": "/var/lib/wheelhouse/pack"}},
		"every mistake is reported with its line": {
			command: []string{"serve"},
			text:    "WHEELHOUSE_LISEN=:443\nWHEELHOUSE_WARM=many\nnonsense\nWHEELHOUSE_WARM=2\n",
			wantErr: []string{`conf:1: there is no setting "WHEELHOUSE_LISEN"`, `conf:2: WHEELHOUSE_WARM="many"`, "conf:3: want NAME=VALUE", "conf:4: WHEELHOUSE_WARM is set in line 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "conf")
			if err := os.WriteFile(file, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Setenv("WHEELHOUSE_DATA", test.environment)
			cmd := find(t, test.command...)
			if err := cmd.ParseFlags(append([]string{"--config", file}, test.args...)); err != nil {
				t.Fatal(err)
			}
			err := cmd.Root().PersistentPreRunE(cmd, nil)
			if (err != nil) != (test.wantErr != nil) {
				t.Fatalf("got error %v, want one with %q", err, test.wantErr)
			}
			for _, want := range test.wantErr {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %q, want %q in it", err, want)
				}
			}
			for flag, want := range test.want {
				if got := cmd.Flags().Lookup(flag).Value.String(); got != want {
					t.Errorf("--%s: got %q, want %q", flag, got, want)
				}
			}
		})
	}
}

func TestSettingsFileIsMissing(t *testing.T) {
	cmd := find(t, "serve")
	file := filepath.Join(t.TempDir(), "none")
	cmd.Flags().Lookup("config").DefValue = file
	if err := cmd.Flags().Lookup("config").Value.Set(file); err != nil { // as the default: not Changed
		t.Fatal(err)
	}
	if err := readSettings(cmd); err != nil {
		t.Errorf("no file at the default's place: got error %v, want none", err)
	}
	if err := cmd.ParseFlags([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	if err := readSettings(cmd); err == nil {
		t.Error("a file that was asked for is missing: got no error")
	}
}

// TestPersonalCommandsReadNoSettings: what one person starts is not to be led to
// the service's folders.
func TestPersonalCommandsReadNoSettings(t *testing.T) {
	for _, args := range [][]string{{"learn"}, {"lab", "verify"}, {"lab", "dev"}, {"version"}} {
		if find(t, args...).Flags().Lookup("config") != nil {
			t.Errorf("wheelhouse %s has --config", strings.Join(args, " "))
		}
	}
}

// TestPackagedSettings holds the file that the packages bring: it is taken by every
// command as it is, and each line that is there to be uncommented is a setting.
func TestPackagedSettings(t *testing.T) {
	text, err := os.ReadFile("packaging/wheelhouse.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve"}, {"doctor"}, {"cluster", "list"}, {"cluster", "delete"}, {"pack", "import"}, {"pack", "path"}} {
		cmd := find(t, args...)
		if err := applySettings(cmd, "wheelhouse.conf", text); err != nil {
			t.Error(err)
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			want := map[string]string{"data": "/var/lib/wheelhouse", "pack-cache": "/var/lib/wheelhouse/pack"}[flag.Name]
			if want != "" && flag.Value.String() != want {
				t.Errorf("wheelhouse %s --%s: got %s, want %s", strings.Join(args, " "), flag.Name, flag.Value, want)
			}
		})
	}
	uncommented := strings.ReplaceAll(string(text), "#WHEELHOUSE_", "WHEELHOUSE_")
	if strings.Count(uncommented, "\nWHEELHOUSE_") < 10 {
		t.Fatal("the file has fewer settings than expected; does a line still begin with #WHEELHOUSE_?")
	}
	if err := applySettings(find(t, "serve"), "wheelhouse.conf", []byte(uncommented)); err != nil {
		t.Error(err)
	}
}
