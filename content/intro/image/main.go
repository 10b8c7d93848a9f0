// Command image builds the images of the intro application with Go alone: no
// container engine, no registry, no base image. The same source gives the same
// bytes, so an image that was loaded once need not be loaded again.
package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"wheelhouse/content/intro/images"
)

// versions are the images' tags. They differ in what they say and in their
// colour, which is enough to watch a roll-out.
var versions = []string{"1", "2"}

func main() {
	out := flag.String("out", "content/intro/images/dist", "folder for the archives")
	arch := flag.String("arch", cmp.Or(os.Getenv("GOARCH"), runtime.GOARCH), "architecture of the clusters' nodes")
	flag.Parse()
	if err := build(*out, *arch); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func build(out, arch string) error {
	binary, err := compile(arch)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, version := range versions {
		image, err := assemble(binary, arch, version)
		if err != nil {
			return fmt.Errorf("cannot make the image of version %s: %w", version, err)
		}
		tag, err := name.NewTag(images.Repository + ":" + version)
		if err != nil {
			return err
		}
		file := filepath.Join(out, "intro-"+version+".tar")
		if err := write(file, tag, image); err != nil {
			return fmt.Errorf("cannot write %s: %w", file, err)
		}
		fmt.Println("built", tag.RepositoryStr()+":"+version, "in", file)
	}
	return nil
}

// compile builds the application as a static binary that holds nothing of the
// place where it was built.
func compile(arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "intro")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "intro")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, "wheelhouse/content/intro")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return os.ReadFile(file)
}

// assemble makes an image of one layer with one file.
func assemble(binary []byte, arch, version string) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		header := &tar.Header{Name: "intro", Mode: 0o755, Size: int64(len(binary)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(binary); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return io.NopCloser(&layer), nil
	})
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.Config = v1.Config{
		User:         "65532:65532", // by number: a kubelet that demands non-root cannot read names
		Entrypoint:   []string{"/intro"},
		Env:          []string{"INTRO_VERSION=" + version},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		WorkingDir:   "/",
	}
	return mutate.ConfigFile(image, file)
}

// write replaces the archive in one step, so that an interrupted build leaves the
// old one.
func write(file string, tag name.Tag, image v1.Image) error {
	temporary := file + ".new"
	if err := tarball.WriteToFile(temporary, tag, image); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	return os.Rename(temporary, file)
}
