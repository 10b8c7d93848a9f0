// Package images holds the built images of the intro application, so that the
// program can put them onto clusters that reach no registry. They are made by
// `go run ./content/intro/image`; a program that was built before that has none.
package images

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Repository is the name that the images have without their tags.
const Repository = "wheelhouse/intro"

// Image is one image as `docker save` writes it.
type Image struct {
	Ref     string // such as "wheelhouse/intro:1"
	Archive []byte // shared and not to be changed
}

// Images returns what was built, in the order of versions. It is empty in a
// program that was built without the images.
func Images() []Image {
	entries, err := fs.ReadDir(dist, "dist")
	if err != nil {
		return nil // the folder is a part of the program, so this does not happen
	}
	var images []Image
	for _, entry := range entries {
		version, ok := strings.CutPrefix(strings.TrimSuffix(entry.Name(), ".tar"), "intro-")
		if !ok {
			continue
		}
		archive, err := dist.ReadFile("dist/" + entry.Name())
		if err == nil {
			images = append(images, Image{Ref: Repository + ":" + version, Archive: archive})
		}
	}
	return images
}
