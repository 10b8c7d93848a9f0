package pack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
)

// Damage is what is wrong with one file of a pack.
type Damage struct {
	Path    string `json:"path"`
	Problem string `json:"problem"` // "missing", "extra", or what it is and should be
}

func (d Damage) String() string { return d.Path + ": " + d.Problem }

// Verify reads every file of the pack and compares it with the manifest. It
// returns all damage, in the order of paths; err says that the pack could not be
// read at all.
func (p *Pack) Verify(ctx context.Context) ([]Damage, error) {
	found, err := scan(ctx, p.dir)
	if err != nil {
		return nil, fmt.Errorf("read the pack in %s: %w", p.dir, err)
	}
	return compare(p.manifest.Files, found), nil
}

// compare returns what differs between two lists, each in the order of paths.
func compare(want, got []File) []Damage {
	var damage []Damage
	for len(want) > 0 || len(got) > 0 {
		order := 0
		switch {
		case len(want) == 0:
			order = 1
		case len(got) == 0:
			order = -1
		default:
			order = cmp.Compare(want[0].Path, got[0].Path)
		}
		switch {
		case order < 0:
			damage = append(damage, Damage{want[0].Path, "missing"})
			want = want[1:]
		case order > 0:
			damage = append(damage, Damage{got[0].Path, "extra: the manifest does not name it"})
			got = got[1:]
		default:
			if problem := want[0].differs(&got[0]); problem != "" {
				damage = append(damage, Damage{want[0].Path, problem})
			}
			want, got = want[1:], got[1:]
		}
	}
	return damage
}

// differs says in words what of got is not as f has it; empty if all is.
func (f *File) differs(got *File) string {
	var problems []string
	switch {
	case f.kind() != got.kind():
		problems = append(problems, fmt.Sprintf("is a %s and should be a %s", got.kind(), f.kind()))
	case f.Link != got.Link:
		problems = append(problems, fmt.Sprintf("links to %s and should to %s", got.Link, f.Link))
	case f.Size != got.Size:
		problems = append(problems, fmt.Sprintf("has %d bytes and should have %d", got.Size, f.Size))
	case f.Digest != got.Digest:
		problems = append(problems, "has another content")
	}
	if f.UID != got.UID || f.GID != got.GID {
		problems = append(problems, fmt.Sprintf("belongs to %d:%d and should to %d:%d", got.UID, got.GID, f.UID, f.GID))
	}
	if !maps.EqualFunc(f.Xattrs, got.Xattrs, bytes.Equal) {
		problems = append(problems, "has other extended attributes")
	}
	if f.Mode != got.Mode {
		problems = append(problems, fmt.Sprintf("has mode %s and should have %s", got.Mode, f.Mode))
	}
	return strings.Join(problems, "; ")
}

func (f *File) kind() string {
	switch {
	case f.Link != "":
		return "link"
	case f.Digest != "":
		return "file"
	}
	return "folder"
}
