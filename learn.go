package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"

	"wheelhouse/server"
)

// newLearnCommand serves one self-paced learner, who is logged in by a link.
func newLearnCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Start Wheelhouse for one learner on this machine and print the link",
		Long: `Start Wheelhouse for one learner on this machine: no password, no accounts.

It prints a link that logs in once; the browser then stays logged in. Ctrl-C
stops it: progress and labs under way stay, and go on at the next start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.BuildPack {
				if err := cfg.ensurePack(cmd.Context(), cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			course, err := cfg.loadServed()
			if err != nil {
				return err
			}
			program, err := cfg.open(cmd.Context(), server.Learn, course)
			if err != nil {
				return err
			}
			secret, err := program.labs.LearnerLink(cmd.Context())
			if err != nil {
				program.close()
				return err
			}
			link := program.url.String() + "/#link=" + secret
			fmt.Fprintf(cmd.OutOrStdout(), "\nWheelhouse is ready. Open this link in your browser; it logs in once:\n\n  %s\n\nCtrl-C stops it. Your progress is kept in %s\n\n", link, cfg.Data)
			if cfg.Open && desktop() {
				if err := openBrowser(link); err != nil {
					program.logger.Debug("open the browser", "err", err)
				}
			}
			return program.run(cmd.Context(), func(ctx context.Context) error {
				return program.discardWarm(ctx, cmd.OutOrStdout())
			})
		},
	}
	cfg.bindEngine(cmd, slog.LevelInfo)
	// No rest: the learner's own kubectl may use the cluster while the page is closed.
	cfg.bindServing(cmd, config{Listen: "127.0.0.1:8080", Warm: 1, MaxClusters: 4})
	cmd.Flags().BoolVar(&cfg.BuildPack, "build-pack", false, "where clusters come from the runtime pack and there is none: build it first (in a checkout; minutes, once)")
	cmd.Flags().BoolVar(&cfg.Open, "open", true, "open the link in the desktop's browser, where there is a desktop")
	return cmd
}

// desktop tells whether a browser has somewhere to appear.
func desktop() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

func openBrowser(link string) error {
	// What the desktop's opener prints is not for the terminal.
	browser.Stdout, browser.Stderr = nil, nil
	return browser.OpenURL(link)
}
