package pack

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/workstation"
)

// Options say what to build and where.
type Options struct {
	Cache  string    // holds packs and what they are made of; DefaultCache
	Source string    // provisioner/runtime of a checkout
	Images []Archive // more images for the nodes
	Fresh  bool      // nothing of an earlier build: newest Debian packages, every step again
}

// recipes is what the steps do, so that another recipe is another pack. It holds
// the code, not a number that somebody would have to raise.
//
//go:embed component.go containerd.go deb.go debset.go image.go images.go node.go runtime.go system.go tree.go workstation.go files
var recipes embed.FS

// builder is one build.
type builder struct {
	Options
	log      io.Writer // of what no step does
	recipe   string    // key of recipes
	debian   *debSet
	steps    map[string]*step
	progress *progress
}

// Build makes a pack, or opens the one that was made of the same sources by the
// same recipe. It can be ended at any time, also by kill -9, and started again:
// finished steps are kept, nothing half-made is. report gets snapshots from one
// goroutine at a time. Errors that a person can act on are *provisioner.Error.
func Build(ctx context.Context, options Options, report func(provisioner.Progress)) (*Pack, error) {
	b := &builder{Options: options, log: io.Discard, steps: map[string]*step{}, progress: newProgress(report)}
	inputs, err := b.inputs()
	if err != nil {
		return nil, err
	}
	if p, err := Current(options.Cache); err == nil && p.manifest.Inputs == inputs && !options.Fresh {
		return p, nil
	}
	unlock, err := lock(ctx, options.Cache, func() { b.progress.say("Another build of the pack is under way on this machine; waiting for it.") })
	if err != nil {
		return nil, err
	}
	defer unlock()
	b.progress.say("")
	if p, err := Current(options.Cache); err == nil && p.manifest.Inputs == inputs && !options.Fresh {
		return p, nil // somebody else has built it meanwhile
	}
	return b.build(ctx, inputs)
}

// inputs is the key of everything that a pack is made of, but for the versions
// that Debian and Go happen to have.
func (b *builder) inputs() (string, error) {
	if stat, err := os.Stat(b.Source); err != nil || !stat.IsDir() {
		return "", &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf(
			"There are no sources to build a pack from in %s. Run the command in a checkout of Wheelhouse, name its folder provisioner/runtime with --source, or bring a pack from elsewhere with `wheelhouse pack import FILE`.", b.Source)}
	}
	hash := []string{fmt.Sprint("pack ", manifestVersion), runtime.GOARCH}
	for _, files := range []fs.FS{recipes, workstation.Files} {
		err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, name)
			hash = append(hash, name, string(text))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	b.recipe = hashKey(hash...)
	for _, c := range components() {
		key, err := sourcesKey(filepath.Join(b.Source, c.module))
		if err != nil {
			return "", &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: fmt.Sprintf("The sources in %s are not whole: %s cannot be read.", b.Source, c.module)}
		}
		hash = append(hash, c.module, key)
	}
	for _, image := range b.Images {
		hash = append(hash, image.Ref, hashKey(string(image.Text)))
	}
	return hashKey(hash...), nil
}

// build runs the steps whose folders are not there. The cache's lock is held.
func (b *builder) build(ctx context.Context, inputs string) (*Pack, error) {
	if err := b.able(); err != nil {
		return nil, err
	}
	if err := prepareCache(b.Cache); err != nil {
		return nil, err
	}
	b.progress.plan(phasePackages, "Choosing and downloading Debian's packages", 30*time.Second)
	for _, c := range components() {
		b.progress.plan(c.module, c.title, c.estimate)
	}
	b.progress.plan(stepImages, "Making the images", 30*time.Second)
	b.progress.plan(stepNode, "Making the nodes' root file system", 15*time.Second)
	b.progress.plan(stepWorkstation, "Making the workstations' root file system", 15*time.Second)
	b.progress.plan(stepContainerd, "Unpacking the images", 20*time.Second)
	b.progress.plan(stepRuntime, "Making the image that clusters see", runtimeEstimate)
	b.progress.plan(phaseManifest, "Writing the manifest", 5*time.Second)

	if err := b.resolve(ctx); err != nil {
		return nil, err
	}
	steps, err := b.plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := runSteps(ctx, b.Cache, steps, b.Fresh, b.progress); err != nil {
		return nil, err
	}
	b.progress.start(phaseManifest)
	p, err := b.assemble(ctx, inputs, steps)
	if err != nil {
		return nil, err
	}
	b.progress.end(phaseManifest)
	return p, prune(b.Cache, p)
}

// able says what this machine or this user lacks for a build, before any of it is
// done.
func (b *builder) able() error {
	lacks := func(err error, message string) error {
		return &provisioner.Error{Reason: provisioner.NoPack, Err: err, Message: message + " Or bring a pack from elsewhere with `wheelhouse pack import FILE`."}
	}
	if os.Geteuid() != 0 {
		return lacks(nil, "Building a pack needs root, since the files of its root file systems have many owners: sudo env PATH=\"$PATH\" wheelhouse pack build.")
	}
	if _, err := exec.LookPath("go"); err != nil {
		return lacks(err, "Building a pack needs Go, which is not in the PATH. Install it from https://go.dev/dl; where it is installed for you only, use sudo env PATH=\"$PATH\".")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return lacks(err, "Building a pack needs gcc, for runc. Install it: apt install gcc libc6-dev.")
	}
	if multiarch() == "" {
		return lacks(nil, "A pack can be built for amd64 and arm64 machines; this one is "+runtime.GOARCH+".")
	}
	return roomFor(b.Cache, buildRoom, "Building a pack")
}

// buildRoom is what a build takes of the disk, in bytes, beside Go's own cache.
const buildRoom = 3 << 30

// Names of the phases that are no components.
const (
	phasePackages   = "Packages"
	phaseManifest   = "Manifest"
	stepSeccomp     = "seccomp"
	stepImages      = "images"
	stepNode        = "node-root"
	stepWorkstation = "workstation-root"
	stepContainerd  = "containerd"
	stepTools       = "erofs-utils"
	stepRuntime     = "runtime"
)

// resolve gets Debian's packages.
func (b *builder) resolve(ctx context.Context) error {
	log, err := os.Create(filepath.Join(b.Cache, "logs", "packages.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	names := slices.Concat(nodePackages, workstationPackages, busyboxPackages, nginxPackages, redisPackages, runtimePackages, []string{"libseccomp-dev", accounts})
	d := &debian{dir: filepath.Join(b.Cache, "debian"), fresh: b.Fresh, log: log}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	b.progress.start(phasePackages)
	if b.debian, err = d.resolve(ctx, names); err != nil {
		return err
	}
	b.progress.end(phasePackages)
	return nil
}

// plan makes the steps, each with the key of what goes into it.
func (b *builder) plan(ctx context.Context) ([]*step, error) {
	goVersion, err := command.Output(exec.CommandContext(ctx, "go", "env", "GOVERSION"))
	if err != nil {
		return nil, err
	}
	packages, err := json.Marshal(b.debian.Packages) // in the order of names
	if err != nil {
		return nil, err
	}
	system := []string{b.recipe, string(packages)}
	folder := func(name string) string { return b.steps[name].folder(b.Cache) }
	var steps []*step
	add := func(s *step) {
		b.steps[s.name] = s
		steps = append(steps, s)
	}
	library := b.debian.Packages["libseccomp-dev"]
	add(&step{name: stepSeccomp, title: "unpacking libseccomp", key: hashKey(b.recipe, library.Digest, b.debian.Packages["libseccomp2"].Digest),
		make: func(ctx context.Context, dir string, _ io.Writer) error { return b.debian.seccompLibrary(ctx, dir) }})
	for _, c := range components() {
		key, err := c.key(b.Source, string(goVersion), library)
		if err != nil {
			return nil, err
		}
		add(&step{name: c.module, title: c.title, key: key, make: func(ctx context.Context, dir string, log io.Writer) error {
			return c.build(ctx, b.Source, dir, folder(stepSeccomp), log)
		}})
	}
	extra := []string{}
	for _, image := range b.Images {
		extra = append(extra, image.Ref, string(image.Text))
	}
	add(&step{name: stepImages, title: "making the images", key: hashKey(slices.Concat(system, extra, []string{b.steps["addons"].key, b.steps["metrics-server"].key})...),
		make: func(ctx context.Context, dir string, log io.Writer) error {
			return b.debian.writeImages(ctx, dir, folder("addons"), folder("metrics-server"), b.Images, log)
		}})
	add(&step{name: stepNode, title: "making the nodes' root file system", key: hashKey(append(system, b.steps["kubernetes"].key, b.steps["node"].key)...),
		make: func(ctx context.Context, dir string, log io.Writer) error {
			t, used, err := b.debian.node(ctx, folder("kubernetes"), folder("node"))
			if err != nil {
				return err
			}
			return writeSystem(ctx, t, used, dir, log)
		}})
	add(&step{name: stepWorkstation, title: "making the workstations' root file system", key: hashKey(append(system, b.steps["kubernetes"].key)...),
		make: func(ctx context.Context, dir string, log io.Writer) error {
			c := exec.CommandContext(ctx, filepath.Join(folder("kubernetes"), "kubernetes"), "kubectl", "completion", "bash")
			c.Stderr = log
			completion, err := command.Output(c)
			if err != nil {
				return err
			}
			t, used, err := b.debian.workstation(ctx, folder("kubernetes"), completion)
			if err != nil {
				return err
			}
			return writeSystem(ctx, t, used, dir, log)
		}})
	add(&step{name: stepContainerd, title: "unpacking the images", key: hashKey(b.recipe, b.steps[stepImages].key, b.steps["node"].key),
		make: func(ctx context.Context, dir string, log io.Writer) error {
			var list imageList
			if err := readJSON(filepath.Join(folder(stepImages), imagesFile), &list); err != nil {
				return err
			}
			return unpackImages(ctx, dir, folder("node"), filepath.Join(folder(stepImages), Images), list.Images, log)
		}})
	add(&step{name: stepTools, title: "unpacking erofs-utils", key: hashKey(system...),
		make: func(ctx context.Context, dir string, _ io.Writer) error { return b.debian.erofsTools(ctx, dir) }})
	key := hashKey(b.steps[stepNode].key, b.steps[stepWorkstation].key, b.steps[stepContainerd].key, b.steps[stepTools].key)
	add(&step{name: stepRuntime, title: "making the image that clusters see", key: key,
		make: func(ctx context.Context, dir string, log io.Writer) error {
			return makeRuntime(ctx, dir, map[string]string{
				Node:        filepath.Join(folder(stepNode), "root"),
				Workstation: filepath.Join(folder(stepWorkstation), "root"),
				Containerd:  filepath.Join(folder(stepContainerd), Containerd),
			}, folder(stepTools), key, log)
		}})
	return steps, nil
}

// packagesFile lists, in a step's folder, the Debian packages that went into it.
const packagesFile = "packages.json"

// writeSystem writes a root file system as dir/root.
func writeSystem(ctx context.Context, t *tree, used []Package, dir string, log io.Writer) error {
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := t.write(root); err != nil {
		return err
	}
	if err := linkLibraries(ctx, root, log); err != nil {
		return err
	}
	if err := os.Chtimes(filepath.Join(root, "etc"), epoch, epoch); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, packagesFile), used)
}

func writeJSON(file string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func readJSON(file string, value any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// digestFolder is the name of a pack's folder in the cache.
func digestFolder(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
