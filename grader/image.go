package grader

import (
	"fmt"

	"github.com/distribution/reference"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// SameImage is the name of a function for expressions: sameImage(image, wanted)
// is true where both name the same image, in whichever way they write it.
const SameImage = "sameImage"

// images declares what expressions can ask of images.
func images() cel.EnvOption {
	return cel.Function(SameImage, cel.Overload("same_image_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
		cel.BinaryBinding(func(image, wanted ref.Val) ref.Val {
			return types.Bool(sameImage(string(image.(types.String)), string(wanted.(types.String))))
		})))
}

// sameImage reports whether an image is the wanted one. Names are read as container
// engines read them: nginx:1.27 is index.docker.io/library/nginx:1.27, and an
// image without tag and digest is latest. A digest beside the tag counts where the
// wanted image has one. Of an image that has a digest alone, the tag is not known.
func sameImage(image, wanted string) bool {
	have, ok := readImage(image)
	want, known := readImage(wanted)
	return ok && known && have.name == want.name && (want.tag == "" || have.tag == want.tag) &&
		(want.digest == "" || have.digest == want.digest)
}

// imageParts is an image's name, in full and with its registry, its tag and its
// digest. Not both of the last two are empty.
type imageParts struct{ name, tag, digest string }

// imageSize is more than an image's name can have, in bytes; reading one takes
// longer the longer it is.
const imageSize = 1024

func readImage(image string) (parts imageParts, ok bool) {
	if len(image) > imageSize {
		return parts, false
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return parts, false
	}
	named = reference.TagNameOnly(named)
	parts.name = named.Name()
	if tagged, has := named.(reference.Tagged); has {
		parts.tag = tagged.Tag()
	}
	if digested, has := named.(reference.Digested); has {
		parts.digest = digested.Digest().String()
	}
	return parts, true
}

// imageHint recognises the right image with no tag, or with another one.
func imageHint(a account) string {
	wanted, ok := a.want.(types.String)
	if !ok || a.origin == nil || lastOf(a.origin.path) != "image" {
		return ""
	}
	want, ok := readImage(string(wanted))
	if !ok || want.tag == "" {
		return ""
	}
	for _, value := range a.have {
		image, _ := value.(types.String)
		have, ok := readImage(string(image))
		switch {
		case !ok || have.name != want.name:
		case have.tag == "":
			return fmt.Sprintf("The image is named by its digest alone, which does not show its version; write the tag %s before it.", want.tag)
		case have.tag == "latest" && !hasTag(string(image)) && have.tag != want.tag:
			return fmt.Sprintf("The image has no tag, so it means %s:latest.", image)
		case have.tag != want.tag:
			return fmt.Sprintf("The image is the right one with another tag: %s instead of %s.", have.tag, want.tag)
		}
	}
	return ""
}

// hasTag reports whether an image is written with a tag.
func hasTag(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	return err == nil && !reference.IsNameOnly(named)
}
