package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"wheelhouse/provisioner/pack"
)

// bomSchema is CycloneDX's own schema of version 1.6, as the library brings it.
func bomSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	compiler := jsonschema.NewCompiler()
	for file, address := range map[string]string{
		"bom-1.6.schema.json":   "http://cyclonedx.org/schema/bom-1.6.schema.json",
		"spdx.schema.json":      "http://cyclonedx.org/schema/spdx.schema.json",
		"jsf-0.82.schemax.json": "http://cyclonedx.org/schema/jsf-0.82.schema.json",
	} {
		text, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.UnmarshalJSON(text)
		text.Close()
		if err == nil {
			err = compiler.AddResource(address, schema)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// testManifest has one of each: licences that SPDX knows, that it does not, several.
var testManifest = &pack.Manifest{
	Kubernetes: "v1.36.3", Arch: "amd64", Go: "go1.26.8", Digest: "sha256:" + strings.Repeat("ab", 32),
	Components: []pack.Component{
		{Name: "Kubernetes", Module: "k8s.io/kubernetes", Version: "v1.36.3", License: "Apache-2.0", Sum: "h1:u9jhqH7OWgpwXfYdXqHTFMUGJdIgXvOQ1lDRFBcsDRc=", In: []string{"kubernetes"}},
		{Name: "x", Module: "github.com/spf13/cobra", Version: "v1.10.2", License: "Apache-2.0 AND MIT", In: []string{"kubernetes", "containerd"}},
		{Name: "y", Module: "example.org/y", Version: "v0.0.0-2026+incompatible", License: "see LICENCES.txt"},
		{Name: "z", Module: "example.org/z", Version: "v1.0.0", License: "Apache-2.0 AND LGPL"},
	},
	Packages: []pack.Package{
		{Name: "libc6", Version: "2.36-9+deb12u14", License: "LGPL-2.1; GPL-2"},
		{Name: "bash", Version: "1:5.2-1ubuntu3"},
	},
	Images: []pack.Image{{Ref: "docker.io/library/nginx:1.28", Digest: "sha256:" + strings.Repeat("cd", 32)}},
}

func TestSBOM(t *testing.T) {
	build := &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "github.com/spf13/cobra", Version: "v1.10.2", Sum: "h1:DMTTonx5m65Ic0GOoRY2c16WCbHxOOw6xxezuLaBpcU="},
		{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0"}},
	}}
	schema := bomSchema(t)
	for name, test := range map[string]struct {
		build    *debug.BuildInfo
		manifest *pack.Manifest
		top      string
		want     []string // package URLs and references
		lacks    []string
	}{
		"program": {build, nil, "wheelhouse", []string{"pkg:golang/github.com/spf13/cobra@v1.10.2", "pkg:golang/example.org/new@v2.0.0", "pkg:golang/std@1.26.8", "pkg:npm/%40xterm/xterm@"}, []string{"pkg:deb/", "example.org/old"}},
		"pack":    {nil, testManifest, "wheelhouse-pack", []string{"pkg:golang/k8s.io/kubernetes@v1.36.3", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64", "pkg:deb/ubuntu/bash@1%3A5.2-1ubuntu3?arch=amd64", "image:docker.io/library/nginx:1.28"}, []string{"pkg:npm/"}},
		"both":    {build, testManifest, "wheelhouse", []string{"pkg:golang/example.org/new@v2.0.0", "pkg:deb/debian/libc6@"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bom, err := newBOM(test.build, test.manifest)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("it is not what CycloneDX's schema says: %v", err)
			}
			var back cdx.BOM
			if err := cdx.NewBOMDecoder(&text, cdx.BOMFileFormatJSON).Decode(&back); err != nil {
				t.Fatal(err)
			}
			if back.Metadata.Component.Name != test.top {
				t.Errorf("it is of %s, want %s", back.Metadata.Component.Name, test.top)
			}
			var references []string
			for _, component := range *back.Components {
				references = append(references, component.BOMRef)
			}
			has := func(part string) bool {
				return slices.ContainsFunc(references, func(reference string) bool { return strings.HasPrefix(reference, part) })
			}
			for _, want := range test.want {
				if !has(want) {
					t.Errorf("it lacks %s; it has %s", want, references)
				}
			}
			for _, lack := range test.lacks {
				if has(lack) {
					t.Errorf("it has %s", lack)
				}
			}
			if got := *(*back.Dependencies)[0].Dependencies; !slices.Equal(got, references) {
				t.Errorf("what it needs is %s, want all of %s", got, references)
			}
		})
	}
}

// TestSBOMMerges: a module of the program and the pack is one component, with the
// licence that the pack knows.
func TestSBOMMerges(t *testing.T) {
	bom, err := newBOM(&debug.BuildInfo{Deps: []*debug.Module{{Path: "github.com/spf13/cobra", Version: "v1.10.2"}}}, testManifest)
	if err != nil {
		t.Fatal(err)
	}
	var found []cdx.Component
	for _, component := range *bom.Components {
		if component.Name == "github.com/spf13/cobra" {
			found = append(found, component)
		}
	}
	if len(found) != 1 || found[0].Licenses == nil || (*found[0].Licenses)[0].Expression != "Apache-2.0 AND MIT" {
		t.Fatalf("got %+v, want one with the pack's licence", found)
	}
	var in []string
	for _, property := range *found[0].Properties {
		in = append(in, property.Value)
	}
	if want := []string{"wheelhouse", "kubernetes", "containerd"}; !slices.Equal(in, want) {
		t.Errorf("it is in %s, want %s", in, want)
	}
}

// TestSchemaRefuses shows that the schema of these tests finds something.
func TestSchemaRefuses(t *testing.T) {
	schema := bomSchema(t)
	for _, text := range []string{
		`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "no type"}]}`,
		`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "x", "licenses": [{"license": {"id": "LGPL"}}]}]}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err == nil {
			t.Errorf("taken: %s", text)
		}
	}
}
