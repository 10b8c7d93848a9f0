package main

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"wheelhouse/provisioner/pack"
	"wheelhouse/web"
)

// What an SBOM can be of.
const (
	sbomProgram = "program"
	sbomPack    = "pack"
)

// newSBOMCommand lists what this program and its pack are made of.
func newSBOMCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "sbom [program|pack]",
		Short: "Print what this program and the runtime pack are made of (CycloneDX)",
		Long: `Print a software bill of materials as CycloneDX JSON, which scanners for known
vulnerabilities read: of this program (its Go modules and the pages' packages),
of the current runtime pack (Go modules, Debian's packages, images), or, without
an argument, of both. Where there is no pack, it is of the program alone.

The texts of the licences are in LICENCES.txt of a pack, and come with the
packages in /usr/share/doc.`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{sbomProgram, sbomPack},
		RunE: func(cmd *cobra.Command, args []string) error {
			build, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this program was built without a list of its modules")
			}
			var manifest *pack.Manifest
			only := strings.Join(args, "")
			if only != sbomProgram {
				p, err := cfg.currentPack()
				if err != nil && only == sbomPack {
					return err
				}
				if err == nil {
					manifest = p.Manifest()
				}
			}
			if only == sbomPack {
				build = nil
			}
			bom, err := newBOM(build, manifest)
			if err != nil {
				return err
			}
			return cdx.NewBOMEncoder(cmd.OutOrStdout(), cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
		},
	}
	cfg.bindPack(cmd)
	bindConfigFile(cmd.Flags())
	return cmd
}

// bill gathers the components of an SBOM, each once.
type bill struct {
	found map[string]*cdx.Component // by the reference in the SBOM, a package URL
}

// newBOM describes the program that build is of, and the pack. Either may be nil.
// The same input gives the same SBOM: it has neither a time nor a number of its own.
func newBOM(build *debug.BuildInfo, manifest *pack.Manifest) (*cdx.BOM, error) {
	b := &bill{found: map[string]*cdx.Component{}}
	top := cdx.Component{BOMRef: "wheelhouse", Type: cdx.ComponentTypeApplication, Name: "wheelhouse", Version: version, Licenses: licences("Apache-2.0")}
	if build != nil {
		b.addModule("std", strings.TrimPrefix(build.GoVersion, "go"), "", "BSD-3-Clause", "wheelhouse")
		for _, module := range build.Deps {
			if module.Replace != nil {
				module = module.Replace
			}
			b.addModule(module.Path, module.Version, module.Sum, "", "wheelhouse")
		}
		packages, err := web.Packages()
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			b.addNPM(p)
		}
	} else if manifest != nil {
		top.BOMRef, top.Name, top.Version = "wheelhouse-pack", "wheelhouse-pack", manifest.Kubernetes
		top.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.TrimPrefix(manifest.Digest, "sha256:")}}
		top.Properties = &[]cdx.Property{{Name: "wheelhouse:arch", Value: manifest.Arch}}
	}
	if manifest != nil {
		b.addPack(manifest)
	}
	var components []cdx.Component
	var references []string
	for _, component := range b.found {
		components = append(components, *component)
		references = append(references, component.BOMRef)
	}
	slices.SortFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	slices.Sort(references)
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &top}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: top.BOMRef, Dependencies: &references}}
	return bom, nil
}

func (b *bill) addPack(m *pack.Manifest) {
	b.addModule("std", strings.TrimPrefix(m.Go, "go"), "", "BSD-3-Clause", "pack")
	for _, c := range m.Components {
		b.addModule(c.Module, c.Version, c.Sum, c.License, c.In...)
	}
	for _, p := range m.Packages {
		distribution := "debian"
		if strings.Contains(p.Version, "ubuntu") {
			distribution = "ubuntu"
		}
		b.add(cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, Licenses: licences(p.License),
			PackageURL: fmt.Sprintf("pkg:deb/%s/%s@%s?arch=%s", distribution, p.Name, url.QueryEscape(p.Version), m.Arch),
		}, "pack")
	}
	for _, image := range m.Images {
		name, tag := image.Ref, ""
		if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
			name, tag = name[:at], name[at+1:]
		}
		b.add(cdx.Component{
			BOMRef: "image:" + image.Ref, Type: cdx.ComponentTypeContainer, Name: name, Version: tag,
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.TrimPrefix(image.Digest, "sha256:")}},
		}, "pack")
	}
}

// addModule adds a Go module. Its sum is that of go.sum, which SBOMs of Go programs
// have as a SHA-256.
func (b *bill) addModule(path, version, sum, licence string, in ...string) {
	component := cdx.Component{
		Type: cdx.ComponentTypeLibrary, Name: path, Version: version, Licenses: licences(licence),
		PackageURL: "pkg:golang/" + path + "@" + url.QueryEscape(version),
	}
	if digest, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(digest) == 32 {
		component.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
	}
	b.add(component, in...)
}

func (b *bill) addNPM(p web.Package) {
	component := cdx.Component{
		Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, Licenses: licences(p.License),
		PackageURL: "pkg:npm/" + strings.Replace(p.Name, "@", "%40", 1) + "@" + p.Version,
	}
	if digest, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-")); err == nil && len(digest) == 64 {
		component.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA512, Value: hex.EncodeToString(digest)}}
	}
	b.add(component, "pages")
}

// add adds the component, and notes in which of our parts it is.
func (b *bill) add(component cdx.Component, in ...string) {
	component.BOMRef = cmp.Or(component.BOMRef, component.PackageURL)
	known := b.found[component.BOMRef]
	if known == nil {
		component.Properties = &[]cdx.Property{}
		known = &component
		b.found[component.BOMRef] = known
	}
	if known.Licenses == nil {
		known.Licenses = component.Licenses // the pack's manifest knows, the program does not
	}
	for _, part := range in {
		property := cdx.Property{Name: "wheelhouse:in", Value: part}
		if !slices.Contains(*known.Properties, property) {
			*known.Properties = append(*known.Properties, property)
		}
	}
}

// spdx are those names of licences in manifests and lock files that are SPDX's.
var spdx = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "OFL-1.1", "Unlicense"}

// licences writes names of licences as CycloneDX has them: an expression of SPDX
// where it is one, else names. Nil where nothing is known.
func licences(text string) *cdx.Licenses {
	if text == "" {
		return nil
	}
	names := strings.Split(text, " AND ")
	unknown := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(spdx, name) })
	switch {
	case !unknown && len(names) == 1:
		return &cdx.Licenses{{License: &cdx.License{ID: text}}}
	case !unknown:
		return &cdx.Licenses{{Expression: text}}
	}
	var list cdx.Licenses
	for name := range strings.SplitSeq(text, "; ") { // as the manifest joins Debian's
		list = append(list, cdx.LicenseChoice{License: &cdx.License{Name: name}})
	}
	return &list
}
