package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
)

// component is one nested Go module of provisioner/runtime and the programs that
// are built in it. Its go.mod pins what they are made of; go.sum holds the
// checksums.
type component struct {
	module   string // its folder
	title    string
	estimate time.Duration // on two cores, nothing in Go's own cache
	programs []program
}

// program is one executable.
type program struct {
	name    string // of the file
	pkg     string // import path of its package main
	tags    string
	cgo     bool     // linked statically with the C library
	set     []string // variables for the linker: IMPORTPATH.NAME=VALUE
	version string   // the module whose version {version}, {major}, {minor} and {date} in set stand for
}

const (
	moduleKubernetes = "k8s.io/kubernetes"
	moduleCNI        = "github.com/containernetworking/plugins"
	moduleContainerd = "github.com/containerd/containerd/v2"
	moduleCoreDNS    = "github.com/coredns/coredns"
	moduleLocalPath  = "github.com/rancher/local-path-provisioner"
	moduleMetrics    = "sigs.k8s.io/metrics-server"
	moduleCRITools   = "sigs.k8s.io/cri-tools"
	moduleRunc       = "github.com/opencontainers/runc"
)

// moduleNames are what the modules of the programs are called in a manifest.
var moduleNames = map[string]string{
	moduleKubernetes: "kubernetes", moduleCNI: "cni-plugins", moduleContainerd: "containerd", moduleCoreDNS: "coredns",
	moduleLocalPath: "local-path-provisioner", moduleMetrics: "metrics-server", moduleCRITools: "cri-tools", moduleRunc: "runc",
	"go.etcd.io/etcd/server/v3": "etcd",
}

// kubernetesVersion is what Kubernetes' programs say of themselves, in the
// packages that upstream sets it in.
var kubernetesVersion = func() []string {
	var set []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		set = append(set, pkg+".gitVersion={version}", pkg+".gitMajor={major}", pkg+".gitMinor={minor}", pkg+".buildDate={date}", pkg+".gitCommit=", pkg+".gitTreeState=clean")
	}
	return set
}()

// components returns what a pack is built of.
func components() []component {
	node := component{module: "node", title: "Building containerd, runc and the network plugins", estimate: 3 * time.Minute}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		node.programs = append(node.programs, program{
			name: name, pkg: moduleContainerd + "/cmd/" + name, version: moduleContainerd,
			tags: "no_btrfs no_zfs no_devmapper no_aufs urfave_cli_no_docs",
			set:  []string{moduleContainerd + "/version.Version={version}"},
		})
	}
	node.programs = append(node.programs,
		program{name: "runc", pkg: moduleRunc, version: moduleRunc, tags: "seccomp netgo osusergo urfave_cli_no_docs", cgo: true},
		program{name: "crictl", pkg: moduleCRITools + "/cmd/crictl", version: moduleCRITools, set: []string{moduleCRITools + "/pkg/version.Version={version}"}})
	for name, kind := range map[string]string{"bridge": "main", "ptp": "main", "loopback": "main", "host-local": "ipam", "portmap": "meta", "firewall": "meta"} {
		node.programs = append(node.programs, program{
			name: name, pkg: moduleCNI + "/plugins/" + kind + "/" + name, version: moduleCNI,
			set: []string{moduleCNI + "/pkg/utils/buildversion.BuildVersion={version}"},
		})
	}
	return []component{
		{module: "kubernetes", title: "Building Kubernetes", estimate: 6 * time.Minute, programs: []program{
			{name: "kubernetes", pkg: ".", version: moduleKubernetes, set: kubernetesVersion},
		}},
		node,
		{module: "addons", title: "Building CoreDNS and the storage provisioner", estimate: 3 * time.Minute, programs: []program{
			{name: "coredns", pkg: moduleCoreDNS, version: moduleCoreDNS},
			{name: "local-path-provisioner", pkg: moduleLocalPath, version: moduleLocalPath, set: []string{"main.VERSION={version}"}},
			{name: "pause", pkg: "./pause"},
		}},
		{module: "metrics-server", title: "Building the metrics server", estimate: time.Minute, programs: []program{
			{name: "metrics-server", pkg: moduleMetrics + "/cmd/metrics-server", version: moduleMetrics,
				set: []string{"k8s.io/client-go/pkg/version.gitVersion={version}", "k8s.io/client-go/pkg/version.buildDate={date}"}},
		}},
	}
}

// goEnv is added to the environment of Go: what a person has set for their own
// work does not change a pack.
var goEnv = []string{"GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=" + runtime.GOARCH}

// key names everything that the component is built of: its sources, how it is
// built, and the version of Go.
func (c *component) key(source, goVersion string, seccomp *debPackage) (string, error) {
	sources, err := sourcesKey(filepath.Join(source, c.module))
	if err != nil {
		return "", err
	}
	recipe, err := recipes.ReadFile("component.go")
	if err != nil {
		return "", err
	}
	inputs := []string{string(recipe), sources, goVersion, runtime.GOARCH, fmt.Sprint(c.programs)}
	for _, p := range c.programs {
		if p.cgo {
			inputs = append(inputs, seccomp.Digest)
		}
	}
	return hashKey(inputs...), nil
}

// sourcesKey is the key of all files below dir but tests.
func sourcesKey(dir string) (string, error) {
	var inputs []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		inputs = append(inputs, filepath.ToSlash(relative), string(text))
		return err
	})
	return hashKey(inputs...), err
}

// build makes the component's programs in dir. seccomp is a folder with the
// files of libseccomp's Debian packages.
func (c *component) build(ctx context.Context, source, dir, seccomp string, log io.Writer) error {
	module := filepath.Join(source, c.module)
	for _, batch := range batches(c.programs) {
		ldflags := []string{"-s", "-w", "-buildid="}
		env := append([]string{"CGO_ENABLED=0"}, goEnv...)
		if batch[0].cgo {
			ldflags = append(ldflags, "-linkmode=external", "-extldflags=-static")
			// Go keeps what it compiled by these flags, not by what pkg-config said: without the
			// path in them it would look for the library in a folder that is gone.
			env = append(env, "CGO_ENABLED=1", "CC=gcc", "PKG_CONFIG="+filepath.Join(seccomp, "pkg-config"),
				"CGO_LDFLAGS=-O2 -g -L"+filepath.Join(seccomp, "usr/lib", multiarch()))
		}
		if batch[0].version != "" {
			set, err := batch[0].linkerFlags(ctx, module)
			if err != nil {
				return notDownloaded(err)
			}
			ldflags = append(ldflags, set...)
		}
		args := []string{"build", "-trimpath", "-buildvcs=false", "-tags=" + batch[0].tags, "-ldflags=" + strings.Join(ldflags, " "), "-o", dir + string(filepath.Separator)}
		for _, p := range batch {
			args = append(args, p.pkg)
		}
		if err := runLogged(ctx, log, module, env, "go", args...); err != nil {
			return notDownloaded(err)
		}
	}
	for _, p := range c.programs {
		if _, err := os.Stat(filepath.Join(dir, p.name)); err != nil {
			return fmt.Errorf("go built no %s: %w", p.name, err)
		}
	}
	return nil
}

// batches groups programs that one run of Go can build.
func batches(programs []program) [][]program {
	var out [][]program
	for _, p := range programs {
		last := len(out) - 1
		if last >= 0 && out[last][0].tags == p.tags && out[last][0].cgo == p.cgo && out[last][0].version == p.version {
			out[last] = append(out[last], p)
		} else {
			out = append(out, []program{p})
		}
	}
	return out
}

// linkerFlags fills in set.
func (p *program) linkerFlags(ctx context.Context, module string) ([]string, error) {
	info, err := listModule(ctx, module, p.version)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(strings.TrimPrefix(info.Version, "v"), ".", 3)
	fill := strings.NewReplacer("{version}", info.Version, "{major}", parts[0], "{minor}", parts[1], "{date}", info.Time.UTC().Format(time.RFC3339))
	var flags []string
	for _, set := range p.set {
		flags = append(flags, "-X="+fill.Replace(set))
	}
	return flags, nil
}

// moduleInfo is what go list -m -json prints of a module.
type moduleInfo struct {
	Path, Version, Dir string
	Time               time.Time
}

func listModule(ctx context.Context, dir, path string) (*moduleInfo, error) {
	c := exec.CommandContext(ctx, "go", "list", "-m", "-json", path)
	c.Dir = dir
	c.Env = append(os.Environ(), goEnv...)
	out, err := command.Output(c)
	if err != nil {
		return nil, err
	}
	info := &moduleInfo{}
	return info, json.Unmarshal(out, info)
}

// unreachable matches what Go prints where a module is neither in its cache nor
// to be had, and takes the module out of it.
var unreachable = regexp.MustCompile(`(\S+@v[^:\s]+): (?:reading |Get |module lookup disabled|.*dial tcp|.*proxyconnect)`)

// notDownloaded explains an error of Go's where that is a lack of network.
func notDownloaded(err error) error {
	found := unreachable.FindStringSubmatch(err.Error())
	if found == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(
		"The Go module %s could not be downloaded. Connect this machine once and run the command again, or import a pack that was made elsewhere: wheelhouse pack import FILE.", found[1])}
}

// pkgConfig answers for pkg-config, which a machine with gcc may lack.
const pkgConfig = `#!/bin/sh
root=$(dirname "$0")
case " $* " in
*" --cflags "*) echo "-I$root/usr/include" ;;
*" --libs "*) echo "-L$root/usr/lib/%s -lseccomp" ;;
esac
`

// multiarch is Debian's name of this machine's architecture.
func multiarch() string {
	return map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
}

// seccompLibrary unpacks libseccomp and its headers for the build of runc.
func (s *debSet) seccompLibrary(ctx context.Context, dir string) error {
	packages, err := s.closure([]string{"libseccomp-dev"}, nil)
	if err != nil {
		return err
	}
	t := newTree()
	var used []Package
	for _, p := range packages {
		if strings.HasPrefix(p.Name, "libseccomp") {
			some, err := s.tree(ctx, []*debPackage{p})
			if err != nil {
				return err
			}
			t.merge(some)
			used = append(used, Package{Name: p.Name, Version: p.Version, License: some.licence(p.Name)})
		}
	}
	t.text("pkg-config", fmt.Sprintf(pkgConfig, multiarch()), 0o755)
	if err := t.write(dir); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, packagesFile), used)
}
