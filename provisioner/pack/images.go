package pack

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"wheelhouse/provisioner/command"
)

// The names that images have on a node.
const (
	PauseImage     = "registry.k8s.io/pause:3.10.2"            // as containerd 2.4 and kubeadm 1.36 name it
	CoreDNSImage   = "registry.k8s.io/coredns/coredns:v1.14.2" // as kubeadm 1.36 names it
	MetricsImage   = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
	LocalPathImage = "docker.io/rancher/local-path-provisioner:v0.0.30"
	BusyboxImage   = "docker.io/library/busybox"
	NginxImage     = "docker.io/library/nginx"
	RedisImage     = "docker.io/library/redis"
)

// imageFiles are what the images' programs read.
//
//go:embed files
var imageFiles embed.FS

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var (
	busyboxPackages = []string{"busybox", "netcat-openbsd"}
	nginxPackages   = append(slices.Clone(basePackages), "nginx", "curl", "procps", "ca-certificates", "less", "tar", "gzip") // kubectl cp runs tar
	redisPackages   = append(slices.Clone(basePackages), "redis-server", "redis-tools", "util-linux", "procps", "tar", "gzip")
)

// imageRecipes returns the images that are made here. addons and metrics are the
// folders with those programs, scratch is one to work in; packages gets what was
// unpacked.
func (s *debSet) imageRecipes(ctx context.Context, addons, metrics, scratch string, packages map[string]Package) ([]recipe, error) {
	var recipes []recipe
	for _, one := range []struct {
		archive, ref, program, file string
		config                      v1.Config
	}{
		{"pause", PauseImage, filepath.Join(addons, "pause"), "pause", v1.Config{User: "65535:65535", Entrypoint: []string{"/pause"}}},
		{"coredns", CoreDNSImage, filepath.Join(addons, "coredns"), "coredns", v1.Config{User: "65532:65532", Entrypoint: []string{"/coredns"},
			ExposedPorts: map[string]struct{}{"53/tcp": {}, "53/udp": {}}}},
		{"metrics-server", MetricsImage, filepath.Join(metrics, "metrics-server"), "metrics-server", v1.Config{User: "65534", Entrypoint: []string{"/metrics-server"}}},
		{"local-path-provisioner", LocalPathImage, filepath.Join(addons, "local-path-provisioner"), "usr/bin/local-path-provisioner",
			v1.Config{Cmd: []string{"local-path-provisioner"}}},
	} {
		t := &tree{entries: map[string]*entry{}}
		t.copy(one.file, one.program, 0o755)
		t.folder("tmp", 0o777|fs.ModeSticky)
		t.text("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n", 0o644)
		t.text("etc/group", "root:x:0:\nnobody:x:65534:\n", 0o644)
		one.config.WorkingDir = "/"
		one.config.Env = []string{searchPath}
		if one.archive == "pause" { // nothing but the program
			t = &tree{entries: map[string]*entry{}}
			t.copy(one.file, one.program, 0o755)
		}
		recipes = append(recipes, recipe{archive: one.archive, tree: t, tags: []imageTag{{one.ref, one.config}}})
	}
	for _, make := range []func(context.Context, string) (recipe, []Package, error){s.busybox, s.nginx, s.redis} {
		r, unpacked, err := make(ctx, scratch)
		if err != nil {
			return nil, err
		}
		for _, p := range unpacked {
			packages[p.Name] = p
		}
		recipes = append(recipes, r)
	}
	return recipes, nil
}

// busybox is Debian's dynamic busybox: the static one cannot resolve names with
// glibc.
func (s *debSet) busybox(ctx context.Context, scratch string) (recipe, []Package, error) {
	t, packages, err := s.system(ctx, busyboxPackages, []string{"libgcc-s1", "libcrypt1"})
	if err != nil {
		return recipe{}, nil, err
	}
	applets, err := t.applets(ctx, scratch)
	if err != nil {
		return recipe{}, nil, err
	}
	t.remove("usr/sbin")
	t.link("usr/sbin", "bin")
	for _, name := range applets {
		if t.entries["usr/bin/"+name] == nil {
			t.link("usr/bin/"+name, "busybox")
		}
	}
	t.link("usr/bin/sh", "busybox") // finish knows bash and dash only
	t.text("etc/shells", "/bin/sh\n", 0o644)
	for _, name := range []string{"wget", "nc"} {
		t.remove("usr/bin/" + name)
		if err := t.imageFile("usr/bin/"+name, "busybox-"+name, 0o755); err != nil {
			return recipe{}, nil, err
		}
	}
	config := v1.Config{Cmd: []string{"sh"}, Env: []string{searchPath}, WorkingDir: "/"}
	return recipe{"busybox", t, []imageTag{{BusyboxImage + ":1.36", config}, {BusyboxImage + ":latest", config}}}, packages, nil
}

// applets asks busybox for its names. It runs with its own loader and libraries,
// whatever this machine has.
func (t *tree) applets(ctx context.Context, scratch string) ([]string, error) {
	dir, err := os.MkdirTemp(scratch, "busybox-")
	if err != nil {
		return nil, err
	}
	defer removeAll(dir)
	libraries := "usr/lib/" + multiarch()
	var loader string
	for name, e := range t.entries {
		if !e.mode.IsRegular() || (filepath.ToSlash(filepath.Dir(name)) != libraries && name != "usr/bin/busybox") {
			continue
		}
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, e.text, 0o755); err != nil {
			return nil, err
		}
		if strings.HasPrefix(filepath.Base(name), "ld-linux") {
			loader = file
		}
	}
	for name, e := range t.entries { // names of libraries that are links
		if e.link != "" && filepath.ToSlash(filepath.Dir(name)) == libraries && !strings.Contains(e.link, "/") {
			_ = os.Symlink(e.link, filepath.Join(dir, filepath.Base(name)))
		}
	}
	out, err := command.Output(exec.CommandContext(ctx, loader, "--library-path", dir, filepath.Join(dir, "busybox"), "--list"))
	if err != nil {
		return nil, err
	}
	return slices.Sorted(slices.Values(strings.Fields(string(out)))), nil
}

// nginx is Debian's nginx with the folders, the user and the configuration of the
// image that courses are written for. The tags differ in an environment variable
// only; nginx -v tells Debian's version.
func (s *debSet) nginx(ctx context.Context, _ string) (recipe, []Package, error) {
	t, packages, err := s.system(ctx, nginxPackages, []string{"iproute2", "openssl", "libpam0g"})
	if err != nil {
		return recipe{}, nil, err
	}
	t.remove("etc/nginx/sites-available")
	t.remove("etc/nginx/sites-enabled")
	t.remove("usr/share/vim")
	for target, name := range map[string]string{
		"etc/nginx/nginx.conf": "nginx.conf", "etc/nginx/conf.d/default.conf": "nginx-default.conf",
		"usr/share/nginx/html/index.html": "index.html", "usr/share/nginx/html/50x.html": "50x.html",
	} {
		if err := t.imageFile(target, name, 0o644); err != nil {
			return recipe{}, nil, err
		}
	}
	t.account("nginx", 101, "/nonexistent")
	t.put("var/cache/nginx", &entry{mode: fs.ModeDir | 0o755, uid: 101, gid: 101})
	t.folder("var/log/nginx", 0o755)
	t.link("var/log/nginx/access.log", "/dev/stdout")
	t.link("var/log/nginx/error.log", "/dev/stderr")
	r := recipe{archive: "nginx", tree: t}
	for _, tag := range []struct{ name, version string }{{"1.27", "1.27.5"}, {"1.28", "1.28.0"}, {"latest", "1.28.0"}} {
		r.tags = append(r.tags, imageTag{NginxImage + ":" + tag.name, v1.Config{
			Cmd: []string{"nginx", "-g", "daemon off;"}, Env: []string{searchPath, "NGINX_VERSION=" + tag.version}, WorkingDir: "/",
			ExposedPorts: map[string]struct{}{"80/tcp": {}}, StopSignal: "SIGQUIT",
		}})
	}
	return r, packages, nil
}

// redis is Debian's redis, open to other pods as the usual image is.
func (s *debSet) redis(ctx context.Context, _ string) (recipe, []Package, error) {
	t, packages, err := s.system(ctx, redisPackages, []string{"libpam0g"})
	if err != nil {
		return recipe{}, nil, err
	}
	t.remove("etc/redis")
	if err := t.imageFile("usr/local/bin/redis-server", "redis-server", 0o755); err != nil {
		return recipe{}, nil, err
	}
	if err := t.imageFile("usr/local/bin/docker-entrypoint.sh", "redis-entrypoint", 0o755); err != nil {
		return recipe{}, nil, err
	}
	t.account("redis", 999, "/data")
	t.put("data", &entry{mode: fs.ModeDir | 0o755, uid: 999, gid: 999})
	config := v1.Config{
		Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"redis-server"}, Env: []string{searchPath},
		WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}}, ExposedPorts: map[string]struct{}{"6379/tcp": {}},
	}
	return recipe{"redis", t, []imageTag{{RedisImage + ":7", config}, {RedisImage + ":latest", config}}}, packages, nil
}

func (t *tree) imageFile(target, name string, mode fs.FileMode) error {
	text, err := imageFiles.ReadFile("files/" + name)
	if err != nil {
		return err
	}
	t.text(target, string(text), mode)
	return nil
}

// account adds a user with a group of its own.
func (t *tree) account(name string, id int, home string) {
	t.text("etc/passwd", string(t.entries["etc/passwd"].text)+fmt.Sprintf("%s:x:%d:%d::%s:/usr/sbin/nologin\n", name, id, id, home), 0o644)
	t.text("etc/group", string(t.entries["etc/group"].text)+fmt.Sprintf("%s:x:%d:\n", name, id), 0o644)
}

// writeImages makes all archives in dir, and images.json that lists the images.
func (s *debSet) writeImages(ctx context.Context, dir, addons, metrics string, extra []Archive, log io.Writer) error {
	packages := map[string]Package{}
	recipes, err := s.imageRecipes(ctx, addons, metrics, dir, packages)
	if err != nil {
		return err
	}
	var list imageList
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		list.Packages = append(list.Packages, packages[name])
	}
	if err := os.Mkdir(filepath.Join(dir, Images), 0o755); err != nil {
		return err
	}
	for _, r := range recipes {
		images, err := r.write(filepath.Join(dir, Images))
		if err != nil {
			return err
		}
		fmt.Fprintln(log, "made", images)
		list.Images = append(list.Images, images...)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for _, archive := range extra {
		images, err := archive.write(filepath.Join(dir, Images), archive.file())
		if err != nil {
			return err
		}
		list.Images = append(list.Images, images...)
	}
	return writeJSON(filepath.Join(dir, imagesFile), list)
}

// imageList is images.json of the step: what went into the archives.
type imageList struct {
	Images   []Image   `json:"images"`
	Packages []Package `json:"packages"`
}

const imagesFile = "images.json"

// file names an archive after its reference.
func (a *Archive) file() string {
	return strings.NewReplacer("/", "-", ":", "-").Replace(strings.TrimPrefix(a.Ref, "docker.io/")) + ".tar"
}
