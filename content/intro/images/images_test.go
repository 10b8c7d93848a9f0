package images_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"wheelhouse/content/intro/images"
)

// TestImages looks into whatever was built into this test. A clean clone has
// nothing, and says so.
func TestImages(t *testing.T) {
	built := images.Images()
	if len(built) == 0 {
		t.Log("no images were built; `go run ./content/intro/image` makes them")
	}
	for _, image := range built {
		if got := ref(t, image.Archive); got != image.Ref {
			t.Errorf("the archive of %s holds %s", image.Ref, got)
		}
	}
}

// TestBuild builds the images twice and compares the bytes.
func TestBuild(t *testing.T) {
	var archives [2][]byte
	for i := range archives {
		dir := t.TempDir()
		command := exec.Command("go", "run", "wheelhouse/content/intro/image", "-out", dir)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
		for _, version := range []string{"1", "2"} {
			raw, err := os.ReadFile(filepath.Join(dir, "intro-"+version+".tar"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := ref(t, raw), "wheelhouse/intro:"+version; got != want {
				t.Errorf("reference: got %s, want %s", got, want)
			}
			archives[i] = append(archives[i], raw...)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same source gave different images")
	}
}

// ref reads the one reference of a docker archive.
func ref(t *testing.T, archive []byte) string {
	t.Helper()
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if err != nil {
			t.Fatalf("no manifest.json: %v", err)
		}
		if header.Name != "manifest.json" {
			continue
		}
		raw, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		var manifest []struct{ RepoTags []string }
		if err := json.Unmarshal(raw, &manifest); err != nil || len(manifest) != 1 || len(manifest[0].RepoTags) != 1 {
			t.Fatalf("manifest.json: %s, %v", raw, err)
		}
		return manifest[0].RepoTags[0]
	}
}
