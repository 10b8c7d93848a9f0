package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
)

// config is everything that flags and the environment can set. A command binds
// the groups of flags that it understands.
type config struct {
	Data      string
	Provider  string
	PackCache string
	BuildPack bool
	NodeImage string
	Runtime   string
	LogLevel  slog.Level

	ClusterMemory quantity
	ClusterDisk   quantity
	ClusterCPUs   uint16

	Listen    string
	inherited net.Listener // that systemd has opened; nil: Listen is still to be opened
	PublicURL string
	AppsURL   string
	TLSCert   string
	TLSKey    string
	Content   string
	Proxies   []string

	Warm               int
	MaxClusters        int
	Concurrency        int
	CreateTimeout      time.Duration
	Idle               time.Duration
	Rest               time.Duration
	SessionsPerStudent int
	Open               bool
}

// bindEngine adds the flags of every command that makes or finds clusters.
func (c *config) bindEngine(cmd *cobra.Command, level slog.Level) {
	flags := cmd.Flags()
	c.bindData(cmd)
	c.bindProvider(cmd)
	flags.StringVar(&c.NodeImage, "node-image", "", "kind node image; empty: a local wheelhouse/node image, else kind's default")
	flags.StringVar(&c.Runtime, "engine", "", "container engine: docker, podman or nerdctl; empty: the first that answers")
	flags.Var(&c.ClusterMemory, "cluster-memory", "memory that one embedded cluster may take: 6Gi; empty: 4Gi")
	flags.Var(&c.ClusterDisk, "cluster-disk", "what one embedded cluster may write: 8Gi; empty: 16Gi")
	flags.Uint16Var(&c.ClusterCPUs, "cluster-cpus", 0, "processors that one embedded cluster may take; 0: a fair share of all")
	flags.TextVar(&c.LogLevel, "log-level", level, "debug, info, warn or error")
}

// bindData adds the flag that names the data folder.
func (c *config) bindData(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.Data, "data", defaultData(), "folder for the database and the clusters' keys")
}

func defaultData() string { return filepath.Join(xdg.DataHome, "wheelhouse") }

// command returns a command line of ours on the same data folder, for people to copy.
func (c *config) command(words string) string {
	line := "wheelhouse " + words
	if c.Data != defaultData() {
		line += " --data " + shellescape.Quote(c.Data)
	}
	return line
}

// bindServing adds the flags of the commands that serve pages.
func (c *config) bindServing(cmd *cobra.Command, defaults config) {
	flags := cmd.Flags()
	flags.StringVar(&c.Listen, "listen", defaults.Listen, "address and port to listen on; port 0 picks a free one")
	flags.StringVar(&c.PublicURL, "public-url", "", "the URL that browsers use, where a proxy stands in front: https://lab.example.org")
	flags.StringVar(&c.AppsURL, "apps-url", "", "where the students' own web pages are shown: https://*.apps.example.org; empty: under localhost, else under the public host")
	flags.StringSliceVar(&c.Proxies, "trusted-proxies", nil, "addresses or networks of proxies whose X-Forwarded-For is believed: 10.0.0.5,192.168.7.0/24")
	flags.StringVar(&c.TLSCert, "tls-cert", "", "certificate file, PEM")
	flags.StringVar(&c.TLSKey, "tls-key", "", "key file of the certificate, PEM")
	flags.StringVar(&c.Content, "content", "", "folder of a course of your own; empty: the built-in one")
	flags.IntVar(&c.Warm, "warm", defaults.Warm, "clusters to keep ready ahead of need")
	flags.IntVar(&c.MaxClusters, "max-clusters", defaults.MaxClusters, "clusters that may exist at once; 0: as many as the machine has room for")
	flags.IntVar(&c.Concurrency, "concurrency", 2, "clusters to create at the same time")
	flags.DurationVar(&c.CreateTimeout, "create-timeout", 10*time.Minute, "how long one cluster may take to create")
	flags.DurationVar(&c.Idle, "idle", defaults.Idle, "end a session after this long with nothing done in it; 0: never")
	flags.DurationVar(&c.Rest, "rest", defaults.Rest, "freeze the embedded cluster of a session at which nobody has looked for this long, until somebody does; 0: never")
	flags.IntVar(&c.SessionsPerStudent, "sessions-per-student", 2, "labs that one student may have open at once")
}

// quantity is a flag for bytes in Kubernetes' own notation: 4Gi, 500M.
type quantity int64

// least is less than any cluster can do with.
const least = 512 << 20

func (q *quantity) Set(text string) error {
	parsed, err := resource.ParseQuantity(text)
	if err != nil {
		return errors.New("want a quantity such as 4Gi or 800Mi")
	}
	if parsed.Value() < least {
		return errors.New("no cluster can do with less than 512Mi")
	}
	*q = quantity(parsed.Value())
	return nil
}

func (q *quantity) String() string {
	if *q == 0 {
		return ""
	}
	return resource.NewQuantity(int64(*q), resource.BinarySI).String()
}

// Type is what pflag calls the flag's value in the help.
func (q *quantity) Type() string { return "quantity" }

// environmentName returns the variable that stands for a flag.
func environmentName(flag string) string {
	return "WHEELHOUSE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnvironment sets every flag that the command line left alone and the
// environment names. All bad values are reported at once.
func applyEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var problems []error
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed || flag.Name == "help" {
			return
		}
		if value, ok := lookup(environmentName(flag.Name)); ok && value != "" {
			if err := flags.Set(flag.Name, value); err != nil {
				problems = append(problems, fmt.Errorf("%s=%q: %w", environmentName(flag.Name), value, err))
			}
		}
	})
	return errors.Join(problems...)
}

// validateServing checks what the flags' own types cannot.
func (c *config) validateServing() error {
	var problems []error
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		problems = append(problems, fmt.Errorf("--listen %q: want ADDRESS:PORT, such as 127.0.0.1:8080", c.Listen))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		problems = append(problems, errors.New("--tls-cert and --tls-key go together: give both or neither"))
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			problems = append(problems, fmt.Errorf("--public-url %q: want a scheme and a host only, such as https://lab.example.org", c.PublicURL))
		} else if strings.Trim(u.Path, "/") != "" {
			problems = append(problems, fmt.Errorf("--public-url %q: it cannot be served below a path such as %s: want a scheme and a host only, such as https://lab.example.org", c.PublicURL, u.Path))
		}
	}
	if err == nil && !loopback(host) && c.TLSCert == "" && !strings.HasPrefix(c.PublicURL, "https://") {
		problems = append(problems, fmt.Errorf("--listen %s is reachable from other machines, where passwords must not travel in the clear: give --tls-cert and --tls-key, or put a proxy in front and give --public-url https://…", c.Listen))
	}
	for name, value := range map[string]int{"warm": c.Warm, "max-clusters": c.MaxClusters} {
		if value < 0 {
			problems = append(problems, fmt.Errorf("--%s %d: want 0 or more", name, value))
		}
	}
	for name, value := range map[string]int{"concurrency": c.Concurrency, "sessions-per-student": c.SessionsPerStudent} {
		if value < 1 {
			problems = append(problems, fmt.Errorf("--%s %d: want 1 or more", name, value))
		}
	}
	if c.MaxClusters > 0 && c.Warm > c.MaxClusters {
		problems = append(problems, fmt.Errorf("--warm %d is more than --max-clusters %d", c.Warm, c.MaxClusters))
	}
	if _, err := c.trustedProxies(); err != nil {
		problems = append(problems, err)
	}
	if c.CreateTimeout < time.Minute {
		problems = append(problems, fmt.Errorf("--create-timeout %s: want at least 1m", c.CreateTimeout))
	}
	if c.Idle < 0 {
		problems = append(problems, fmt.Errorf("--idle %s: want 0 or more", c.Idle))
	}
	if c.Rest < 0 || c.Rest > 0 && c.Rest < time.Minute {
		problems = append(problems, fmt.Errorf("--rest %s: want 0 or at least 1m", c.Rest))
	}
	return errors.Join(problems...)
}

// trustedProxies reads --trusted-proxies. The error joins one for each that is
// neither an address nor a network.
func (c *config) trustedProxies() ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	var problems []error
	for _, text := range c.Proxies {
		if address, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
		} else if prefix, err := netip.ParsePrefix(text); err == nil {
			prefixes = append(prefixes, prefix)
		} else {
			problems = append(problems, fmt.Errorf("--trusted-proxies %q: want an address or a network, such as 10.0.0.5 or 192.168.7.0/24", text))
		}
	}
	return prefixes, errors.Join(problems...)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// logger writes to standard error: standard output belongs to the link and to
// data.
func (c *config) logger() *slog.Logger {
	if underJournal() {
		return slog.New(newJournalHandler(os.Stderr, c.LogLevel))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
}

// dataFolder is --data from the root on.
func (c *config) dataFolder() (string, error) {
	folder, err := filepath.Abs(c.Data)
	if err != nil {
		return "", fmt.Errorf("--data %q: %w", c.Data, err)
	}
	return folder, nil
}

// openData makes the data folder, for its owner only.
func (c *config) openData() error {
	folder, err := c.dataFolder()
	if err != nil {
		return err
	}
	c.Data = folder
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w; choose another with --data", err)
	}
	return nil
}
