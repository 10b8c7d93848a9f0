package pack

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wheelhouse/provisioner"
)

// debPackage is one resolved package.
type debPackage struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Digest  string   `json:"digest"` // SHA-256 of the archive, as apt's signed index has it
	Size    int64    `json:"size"`
	Needs   []string `json:"needs,omitempty"`    // "a|b" are alternatives
	Aliases []string `json:"provides,omitempty"` // virtual packages
}

// debSet is everything that was resolved together, by name.
type debSet struct {
	Packages map[string]*debPackage `json:"packages"`
	archives string
	systemd  bool // systems are started by systemd
}

// read takes in what apt-get --print-uris listed, one archive a line:
// 'http://…' NAME_VERSION_ARCH.deb SIZE DIGEST.
func (s *debSet) read(ctx context.Context, d *debian, list []byte) error {
	args := []string{"show", "--no-all-versions"}
	scanner := bufio.NewScanner(bytes.NewReader(list))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 3 {
			continue
		}
		parts := strings.Split(fields[1], "_")
		if len(parts) != 3 {
			return fmt.Errorf("apt lists %q, which is no package", fields[1])
		}
		args = append(args, parts[0]+"="+strings.NewReplacer("%3a", ":", "%3A", ":").Replace(parts[1]))
	}
	shown, err := d.apt(ctx, "apt-cache", args...)
	if err != nil {
		return err
	}
	s.Packages = map[string]*debPackage{}
	for stanza := range bytes.SplitSeq(shown, []byte("\n\n")) {
		p, err := parsePackage(stanza)
		if err != nil {
			return err
		}
		if p != nil {
			s.Packages[p.Name] = p
		}
	}
	return nil
}

// parsePackage reads one stanza of a Packages file; nil of an empty one.
func parsePackage(stanza []byte) (*debPackage, error) {
	p := &debPackage{}
	for line := range strings.Lines(string(stanza)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, " ") {
			continue
		}
		switch key {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "SHA256":
			p.Digest = "sha256:" + value
		case "Size":
			if _, err := fmt.Sscan(value, &p.Size); err != nil {
				return nil, fmt.Errorf("package %s: size %q", p.Name, value)
			}
		case "Depends", "Pre-Depends":
			p.Needs = append(p.Needs, relations(value)...)
		case "Provides":
			p.Aliases = append(p.Aliases, relations(value)...)
		}
	}
	if p.Name == "" {
		return nil, nil
	}
	if p.Digest == "" {
		return nil, fmt.Errorf("package %s has no SHA-256 in apt's index", p.Name)
	}
	return p, nil
}

// relations reads "a (>= 1), b:any | c" as ["a", "b|c"].
func relations(field string) []string {
	var out []string
	for relation := range strings.SplitSeq(field, ",") {
		var alternatives []string
		for alternative := range strings.SplitSeq(relation, "|") {
			name, _, _ := strings.Cut(strings.TrimSpace(alternative), " ")
			name, _, _ = strings.Cut(name, ":")
			alternatives = append(alternatives, name)
		}
		out = append(out, strings.Join(alternatives, "|"))
	}
	return out
}

// archive returns where a package lies.
func (s *debSet) archive(p *debPackage) (string, bool) {
	// apt writes a colon of the version as %3a.
	pattern := p.Name + "_" + strings.ReplaceAll(p.Version, ":", "%3a") + "_*.deb"
	found, _ := filepath.Glob(filepath.Join(s.archives, pattern))
	if len(found) == 0 {
		return "", false
	}
	stat, err := os.Stat(found[0])
	return found[0], err == nil && stat.Size() == p.Size
}

// complete says whether every package has been downloaded.
func (s *debSet) complete() bool {
	for _, p := range s.Packages {
		if _, ok := s.archive(p); !ok {
			return false
		}
	}
	return len(s.Packages) > 0
}

// closure returns the packages called names and what they need, in the order of
// their names. What is in without is left out, with what only it needs.
func (s *debSet) closure(names, without []string) ([]*debPackage, error) {
	providers := map[string][]*debPackage{}
	for _, name := range slices.Sorted(maps.Keys(s.Packages)) {
		for _, alias := range s.Packages[name].Aliases {
			providers[alias] = append(providers[alias], s.Packages[name])
		}
	}
	found := map[string]*debPackage{}
	var visit func(name string) bool
	visit = func(name string) bool {
		if found[name] != nil || slices.Contains(without, name) {
			return true
		}
		p := s.Packages[name]
		if p == nil {
			for _, provider := range providers[name] {
				return visit(provider.Name)
			}
			return false
		}
		found[name] = p
		for _, need := range p.Needs {
			for alternative := range strings.SplitSeq(need, "|") {
				if visit(alternative) {
					break
				}
			}
		}
		return true
	}
	for _, name := range names {
		if !visit(name) {
			return nil, fmt.Errorf("there is no package %s", name)
		}
	}
	out := make([]*debPackage, 0, len(found))
	for _, p := range found {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *debPackage) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// tree unpacks packages, whose digests are checked again.
func (s *debSet) tree(ctx context.Context, packages []*debPackage) (*tree, error) {
	t := newTree()
	t.systemd = s.systemd
	for _, p := range packages {
		file, ok := s.archive(p)
		if !ok {
			return nil, fmt.Errorf("package %s %s: %w", p.Name, p.Version, fs.ErrNotExist)
		}
		if got, err := FileDigest(file); err != nil {
			return nil, err
		} else if got != p.Digest {
			_ = os.Remove(file)
			return nil, &provisioner.Error{Reason: provisioner.NoPack, Message: fmt.Sprintf("The package file %s was damaged and has been removed. Run the command again: it is downloaded once more.", file)}
		}
		if err := t.unpack(ctx, file); err != nil {
			return nil, err
		}
	}
	return t, nil
}
