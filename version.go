package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// newVersionCommand prints the versions that a bug report needs.
func newVersionCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			if build, ok := debug.ReadBuildInfo(); ok {
				for _, dependency := range build.Deps {
					switch dependency.Path {
					case "sigs.k8s.io/kind":
						info["kind"] = dependency.Version
					case "k8s.io/client-go":
						info["client-go"] = dependency.Version
					}
				}
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), info)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "wheelhouse %s (%s, %s, kind %s, client-go %s)\n",
				info["version"], info["go"], info["platform"], info["kind"], info["client-go"])
			return err
		},
	}
	output.bind(cmd)
	return cmd
}
