package pack

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// recipe is an image that is made here: one layer, and a configuration for each
// tag.
type recipe struct {
	archive string // name of the file in the folder images, without .tar
	tree    *tree
	tags    []imageTag
}

// imageTag is one name of an image. Tags of one configuration are one image.
type imageTag struct {
	ref    string
	config v1.Config
}

// Archive is an image that somebody else made, as `docker save` writes it.
type Archive struct {
	Ref  string // "wheelhouse/intro:1"
	Text []byte
}

// named is an image and the name that it is imported under.
type named struct {
	ref   string
	image v1.Image
}

// write makes the archive in dir and returns the images in it.
func (r *recipe) write(dir string) ([]Image, error) {
	var layer bytes.Buffer
	if err := r.tree.layer(&layer); err != nil {
		return nil, fmt.Errorf("image %s: %w", r.archive, err)
	}
	var images []named
	for _, tag := range r.tags {
		image, err := assemble(tag.config, static.NewLayer(layer.Bytes(), types.OCIUncompressedLayer))
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", tag.ref, err)
		}
		images = append(images, named{tag.ref, image})
	}
	return writeArchive(filepath.Join(dir, r.archive+".tar"), images)
}

// assemble makes an image. Its layers are not compressed: a pack is as a whole,
// when it travels.
func assemble(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layers...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Created = v1.Time{Time: epoch}
	file.Config = config
	return mutate.ConfigFile(image, file)
}

// write makes the archive file in dir of one that `docker save` could have
// written.
func (a *Archive) write(dir, file string) ([]Image, error) {
	saved, err := tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(a.Text)), nil }, nil)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", a.Ref, err)
	}
	config, err := saved.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", a.Ref, err)
	}
	packed, err := saved.Layers()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", a.Ref, err)
	}
	var layers []v1.Layer
	for _, layer := range packed {
		text, err := layer.Uncompressed()
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", a.Ref, err)
		}
		all, err := io.ReadAll(text)
		_ = text.Close()
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", a.Ref, err)
		}
		layers = append(layers, static.NewLayer(all, types.OCIUncompressedLayer))
	}
	image, err := assemble(config.Config, layers...)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", a.Ref, err)
	}
	ref, err := name.NewTag(a.Ref)
	if err != nil {
		return nil, err
	}
	// As containerd writes it: Docker's registry by the name that it is known by.
	return writeArchive(filepath.Join(dir, file), []named{{"docker.io/" + ref.RepositoryStr() + ":" + ref.TagStr(), image}})
}

// writeArchive writes images as one OCI layout in a tar file, the same bytes for
// the same images. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func writeArchive(file string, images []named) ([]Image, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	archive := &layout{tar: tar.NewWriter(f), written: map[v1.Hash]bool{}}
	if err := archive.put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return nil, err
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	var list []Image
	for _, one := range images {
		descriptor, size, err := archive.image(one.image)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", one.ref, err)
		}
		descriptor.Annotations = map[string]string{"io.containerd.image.name": one.ref, "org.opencontainers.image.ref.name": one.ref}
		index.Manifests = append(index.Manifests, descriptor)
		list = append(list, Image{Ref: one.ref, Digest: descriptor.Digest.String(), Size: size})
	}
	text, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	if err := archive.put("index.json", text); err != nil {
		return nil, err
	}
	if err := archive.tar.Close(); err != nil {
		return nil, err
	}
	return list, f.Close()
}

// layout is an OCI layout that is being written.
type layout struct {
	tar     *tar.Writer
	written map[v1.Hash]bool
}

func (l *layout) put(name string, text []byte) error {
	if err := l.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: epoch, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := l.tar.Write(text)
	return err
}

func (l *layout) blob(hash v1.Hash, text []byte) error {
	if l.written[hash] {
		return nil
	}
	l.written[hash] = true
	return l.put("blobs/"+hash.Algorithm+"/"+hash.Hex, text)
}

// image writes an image's blobs. It returns a descriptor of its manifest, and
// the size of its layers.
func (l *layout) image(image v1.Image) (v1.Descriptor, int64, error) {
	var none v1.Descriptor
	layers, err := image.Layers()
	if err != nil {
		return none, 0, err
	}
	var size int64
	for _, layer := range layers {
		hash, err := layer.Digest()
		if err != nil {
			return none, 0, err
		}
		if l.written[hash] { // of another tag
			some, err := layer.Size()
			if err != nil {
				return none, 0, err
			}
			size += some
			continue
		}
		text, err := layer.Uncompressed()
		if err != nil {
			return none, 0, err
		}
		all, err := io.ReadAll(text)
		if err != nil {
			return none, 0, err
		}
		size += int64(len(all))
		if err := l.blob(hash, all); err != nil {
			return none, 0, err
		}
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return none, 0, err
	}
	hash, err := image.ConfigName()
	if err != nil {
		return none, 0, err
	}
	if err := l.blob(hash, config); err != nil {
		return none, 0, err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return none, 0, err
	}
	digest, err := image.Digest()
	if err != nil {
		return none, 0, err
	}
	descriptor := v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: int64(len(manifest)),
		Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}
	return descriptor, size, l.blob(digest, manifest)
}
