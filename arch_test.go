package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "wheelhouse"

// rooms lists what each room of ARCHITECTURE.md may import of ours. A room's
// subfolders follow the same line and may import their own room as well.
var rooms = map[string][]string{
	".":           {"content", "grader", "labs", "provisioner", "server", "web"},
	"content":     {},
	"provisioner": {},
	"web":         {},
	"grader":      {"content"},
	"labs":        {"content", "grader", "provisioner"},
	"server":      {"content", "labs"},
	"packaging":   {"provisioner", "web"},
	"e2e":         {"content", "grader", "labs", "provisioner", "server", "web"},
}

// fences names the only folder that may import a module. A test file may cross
// a fence only where it is listed with "_test".
var fences = map[string][]string{
	"github.com/gin-gonic/gin":     {"server"},
	"github.com/gorilla/websocket": {"server", "e2e_test", "web_test"},
	"github.com/mattn/go-sqlite3":  {"labs/sqlite"},
	"mvdan.cc/sh":                  {"content", "labs/lint"},
	"sigs.k8s.io/kind":             {"provisioner/kind"},
	"github.com/spf13/cobra":       {"."},
	"github.com/CycloneDX":         {"."},
	"aead.dev/minisign":            {"provisioner/pack", "packaging_test"},
}

// TestRooms holds the map of ARCHITECTURE.md: imports point one way. Tests of
// a room may use what its neighbours provide for tests.
func TestRooms(t *testing.T) {
	for _, file := range sources(t) {
		room := roomOf(file.dir)
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s: folder %q is no room of ARCHITECTURE.md", file.path, room)
			continue
		}
		for _, imported := range file.imports {
			target, ours := strings.CutPrefix(imported, module+"/")
			if !ours || file.test {
				continue
			}
			if other := roomOf(target); other != room && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s: room %s may import only %v", file.path, imported, room, allowed)
			}
			if strings.HasPrefix(target, file.dir+"/") && room != "." && adapters[target] {
				t.Errorf("%s imports its own adapter %s", file.path, imported)
			}
		}
	}
}

// adapters are the folders that a parent must not know: they plug into it.
var adapters = map[string]bool{
	"provisioner/kind":            true,
	"provisioner/pack":            true,
	"provisioner/provisionertest": true,
	"labs/lint":                   true,
	"labs/sqlite":                 true,
	"labs/verify":                 true,
}

func TestFences(t *testing.T) {
	for _, file := range sources(t) {
		for _, imported := range file.imports {
			for fenced, inside := range fences {
				if imported != fenced && !strings.HasPrefix(imported, fenced+"/") {
					continue
				}
				if !slices.ContainsFunc(inside, func(dir string) bool {
					if name, onlyTests := strings.CutSuffix(dir, "_test"); onlyTests {
						return file.test && within(file.dir, name)
					}
					return within(file.dir, dir)
				}) {
					t.Errorf("%s imports %s, which is fenced to %v", file.path, imported, inside)
				}
			}
		}
	}
}

func within(dir, fence string) bool {
	if fence == "." {
		return dir == "."
	}
	return dir == fence || strings.HasPrefix(dir, fence+"/")
}

type source struct {
	path, dir string
	test      bool
	imports   []string
}

// sources parses the import clauses of every Go file of this module, nested
// modules left out.
func sources(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			if name != "." {
				if nested, _ := filepath.Glob(filepath.Join(name, "go.mod")); nested != nil {
					return filepath.SkipDir
				}
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file := source{path: name, dir: path.Dir(filepath.ToSlash(name)), test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			file.imports = append(file.imports, imported)
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found only %d Go files: is this the module's root?", len(files))
	}
	return files
}

func roomOf(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}
