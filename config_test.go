package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/provisioner/embedded"
)

func servingCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{Use: "test"}
	c.bindEngine(cmd, slog.LevelInfo)
	c.bindServing(cmd, config{Listen: "127.0.0.1:8080", Warm: 1, MaxClusters: 4})
	return cmd
}

func TestEnvironment(t *testing.T) {
	tests := []struct {
		name        string
		args        []string
		environment map[string]string
		want        string // of --node-image
		wantErr     []string
	}{
		{name: "default", want: ""},
		{name: "environment", environment: map[string]string{"WHEELHOUSE_NODE_IMAGE": "a"}, want: "a"},
		{name: "flag wins", args: []string{"--node-image", "b"}, environment: map[string]string{"WHEELHOUSE_NODE_IMAGE": "a"}, want: "b"},
		{name: "empty counts as unset", environment: map[string]string{"WHEELHOUSE_WARM": ""}, want: ""},
		{
			name:        "every bad value is reported",
			environment: map[string]string{"WHEELHOUSE_WARM": "many", "WHEELHOUSE_IDLE": "long"},
			wantErr:     []string{"WHEELHOUSE_WARM", "many", "WHEELHOUSE_IDLE", "long"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var cfg config
			cmd := servingCommand(&cfg)
			if err := cmd.ParseFlags(test.args); err != nil {
				t.Fatal(err)
			}
			err := applyEnvironment(cmd.Flags(), func(name string) (string, bool) {
				value, ok := test.environment[name]
				return value, ok
			})
			if (err != nil) != (test.wantErr != nil) {
				t.Fatalf("err = %v, want one with %q", err, test.wantErr)
			}
			for _, want := range test.wantErr {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("err = %q, want it to contain %q", err, want)
				}
			}
			if err == nil && cfg.NodeImage != test.want {
				t.Errorf("NodeImage = %q, want %q", cfg.NodeImage, test.want)
			}
		})
	}
}

func TestClusterLimits(t *testing.T) {
	var cfg config
	cmd := servingCommand(&cfg)
	if err := cmd.ParseFlags([]string{"--cluster-memory", "6Gi", "--cluster-disk=800M", "--cluster-cpus=2"}); err != nil {
		t.Fatal(err)
	}
	if got := cfg.embeddedOptions().Limits; got != (embedded.Limits{Memory: 6 << 30, Disk: 800e6, CPUs: 2}) {
		t.Errorf("got %+v", got)
	}
	for _, args := range [][]string{
		{"--cluster-memory=much"}, {"--cluster-memory=1Mi"}, {"--cluster-disk=-8Gi"}, {"--cluster-disk="}, {"--cluster-cpus=-1"}, {"--cluster-cpus=all"},
	} {
		if err := servingCommand(&config{}).ParseFlags(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func TestValidateServing(t *testing.T) {
	valid := config{Listen: "127.0.0.1:8080", Concurrency: 2, SessionsPerStudent: 2, CreateTimeout: 10 * time.Minute}
	tests := []struct {
		name   string
		change func(*config)
		want   string // part of the error; empty for none
	}{
		{"defaults", func(*config) {}, ""},
		{"no port", func(c *config) { c.Listen = "localhost" }, "want ADDRESS:PORT"},
		{"open to the network in the clear", func(c *config) { c.Listen = ":8080" }, "must not travel in the clear"},
		{"open to the network with TLS", func(c *config) { c.Listen, c.TLSCert, c.TLSKey = ":8443", "c", "k" }, ""},
		{"open to a proxy's network", func(c *config) { c.Listen, c.PublicURL = ":8080", "https://lab.example.org" }, ""},
		{"certificate without key", func(c *config) { c.TLSCert = "c" }, "go together"},
		{"URL with a path", func(c *config) { c.PublicURL = "https://example.org/lab" }, "cannot be served below a path such as /lab"},
		{"URL without a scheme", func(c *config) { c.PublicURL = "lab.example.org" }, "scheme and a host only"},
		{"more warm than allowed", func(c *config) { c.Warm, c.MaxClusters = 5, 4 }, "more than --max-clusters"},
		{"negative", func(c *config) { c.Warm = -1 }, "0 or more"},
		{"no creation at all", func(c *config) { c.Concurrency = 0 }, "1 or more"},
		{"too short a time", func(c *config) { c.CreateTimeout = time.Second }, "at least 1m"},
		{"proxies", func(c *config) { c.Proxies = []string{"10.0.0.5", "192.168.7.0/24", "::1"} }, ""},
		{"proxy by name", func(c *config) { c.Proxies = []string{"proxy.example.org"} }, "want an address or a network"},
		{"negative time until clusters rest", func(c *config) { c.Rest = -time.Second }, "0 or at least 1m"},
		{"no time until clusters rest", func(c *config) { c.Rest = time.Second }, "--rest 1s"},
		{"negative idle time", func(c *config) { c.Idle = -time.Second }, "0 or more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := valid
			test.change(&cfg)
			err := cfg.validateServing()
			if test.want == "" && err != nil {
				t.Fatalf("err = %v, want none", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("err = %v, want it to contain %q", err, test.want)
			}
		})
	}
}
