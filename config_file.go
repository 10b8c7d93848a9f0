package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configFile holds the settings of this machine's service.
const configFile = "/etc/wheelhouse/wheelhouse.conf"

// bindConfigFile adds --config to the commands that look after the machine's
// service. Root's `wheelhouse cluster list` then shows the service's clusters
// without a flag. The commands for one person, learn and lab, have no such flag:
// what they keep lies in that person's folders.
func bindConfigFile(flags *pflag.FlagSet) {
	flags.String("config", configFile, "file with settings, NAME=VALUE as in the environment; without this flag only root reads it, and it may be missing")
}

// readSettings sets the flags of cmd that neither the command line nor the
// environment has set, from the file of --config. All mistakes are reported at
// once; a name that is no setting of any command is one.
func readSettings(cmd *cobra.Command) error {
	flag := cmd.Flags().Lookup("config")
	if flag == nil || flag.Value.String() == "" || !flag.Changed && os.Geteuid() != 0 {
		return nil
	}
	file := flag.Value.String()
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !flag.Changed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	return applySettings(cmd, file, text)
}

func applySettings(cmd *cobra.Command, file string, text []byte) error {
	flags := map[string]*pflag.Flag{}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { flags[environmentName(flag.Name)] = flag })
	known := settingNames(cmd.Root())
	seen := map[string]int{} // name -> line
	var problems []error
	problem := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s:%d: %w", file, line, fmt.Errorf(format, args...)))
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			problem(number, "want NAME=VALUE")
			continue
		case !known[name]:
			problem(number, "there is no setting %q; settings are flags, written as WHEELHOUSE_NODE_IMAGE for --node-image", name)
			continue
		case seen[name] != 0:
			problem(number, "%s is set in line %d already", name, seen[name])
			continue
		}
		seen[name] = number
		flag := flags[name]
		if value = unquote(value); value == "" || flag == nil || flag.Changed {
			continue
		}
		if err := cmd.Flags().Set(flag.Name, value); err != nil {
			problem(number, "%s=%q: %w", name, value, err)
		}
	}
	return errors.Join(append(problems, lines.Err())...)
}

// unquote takes away one pair of quotation marks, as systemd and shells do.
func unquote(value string) string {
	value = strings.TrimSpace(value)
	if last := len(value) - 1; last > 0 && value[0] == value[last] && (value[0] == '"' || value[0] == '\'') {
		return value[1:last]
	}
	return value
}

// settingNames returns the variables of all flags below and including cmd.
func settingNames(cmd *cobra.Command) map[string]bool {
	names := map[string]bool{}
	add := func(flag *pflag.Flag) { names[environmentName(flag.Name)] = true }
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(add)
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(cmd)
	return names
}
