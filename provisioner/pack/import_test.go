package pack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/pack"
)

// exported makes a pack and exports it.
func exported(t *testing.T) (file string, p *pack.Pack) {
	t.Helper()
	dir, _ := makePack(t, "exported")
	p, err := pack.Open(dir)
	must(t, err)
	file = filepath.Join(t.TempDir(), "a.pack")
	_, err = p.Export(t.Context(), file, nil)
	must(t, err)
	return file, p
}

func TestExportImport(t *testing.T) {
	file, p := exported(t)
	cache := t.TempDir()
	var last provisioner.Progress
	got, err := pack.Import(t.Context(), cache, file, func(p provisioner.Progress) { last = p })
	must(t, err)
	if damage, err := got.Verify(t.Context()); err != nil || len(damage) > 0 {
		t.Errorf("the imported pack differs: %v %v", damage, err)
	}
	if got.Manifest().Digest != p.Manifest().Digest {
		t.Errorf("got digest %s, want %s", got.Manifest().Digest, p.Manifest().Digest)
	}
	if now, err := pack.Current(cache); err != nil || now.Dir() != got.Dir() {
		t.Errorf("current pack: %v %v, want %s", now, err, got.Dir())
	}
	for _, phase := range last.Phases {
		if phase.EndedAt.IsZero() {
			t.Errorf("phase %s has not ended", phase.Name)
		}
	}
	one, err := os.Stat(filepath.Join(got.Dir(), "node/bin/tool"))
	must(t, err)
	two, err := os.Stat(filepath.Join(got.Dir(), "workstation/tool"))
	must(t, err)
	if !os.SameFile(one, two) {
		t.Error("a hard link has become two files")
	}
	// Exported again, also from there, it is the same file.
	again := filepath.Join(t.TempDir(), "b.pack")
	_, err = got.Export(t.Context(), again, nil)
	must(t, err)
	if !bytes.Equal(read(t, file), read(t, again)) {
		t.Error("the same pack was exported as other bytes")
	}
	// Importing it again, over a damaged one, mends it.
	must(t, os.WriteFile(filepath.Join(got.Dir(), "images/one.tar"), []byte("bad"), 0o644))
	got, err = pack.Import(t.Context(), cache, again, nil)
	must(t, err)
	if damage, err := got.Verify(t.Context()); err != nil || len(damage) > 0 {
		t.Errorf("the pack is not mended: %v %v", damage, err)
	}
	wantClean(t, cache)
}

func TestExportRefusesDamage(t *testing.T) {
	dir, _ := makePack(t, "")
	p, err := pack.Open(dir)
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "node/none")))
	file := filepath.Join(t.TempDir(), "a.pack")
	_, err = p.Export(t.Context(), file, nil)
	wantError(t, err, "pack verify")
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) > 0 {
		t.Errorf("it left %v", entries)
	}
}

// wantClean checks that no failed import or build has left anything.
func wantClean(t *testing.T, cache string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, "tmp"))
	if err == nil && len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return text
}

// TestImportRefusesDamage: a file that is cut short anywhere, or in which a byte
// is another, is refused and leaves the current pack alone.
func TestImportRefusesDamage(t *testing.T) {
	file, _ := exported(t)
	whole := read(t, file)
	content, err := unzstd(whole)
	must(t, err)
	cache := t.TempDir()
	first, err := pack.Import(t.Context(), cache, file, nil)
	must(t, err)
	refuse := func(name string, text []byte) {
		t.Helper()
		bad := filepath.Join(t.TempDir(), "bad.pack")
		must(t, os.WriteFile(bad, text, 0o644))
		_, err := pack.Import(t.Context(), cache, bad, nil)
		if err == nil {
			// Some bits of the compression mean nothing; what they hold is the same.
			if got, err := unzstd(text); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%s: it was imported", name)
			}
			return
		}
		wantError(t, err, "Nothing was imported")
		wantClean(t, cache)
		if now, err := pack.Current(cache); err != nil || now.Dir() != first.Dir() {
			t.Errorf("%s: the current pack is %v %v", name, now, err)
		}
	}
	refuse("empty", nil)
	refuse("something else", []byte("PK\x03\x04 no pack"))
	for i := 1; i < 40; i++ {
		at := len(whole) * i / 40
		refuse("cut short", whole[:at])
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1
		refuse("a bit is another", flipped)
	}
	refuse("the last byte is missing", whole[:len(whole)-1])
	if damage, err := first.Verify(t.Context()); err != nil || len(damage) > 0 {
		t.Errorf("the current pack has suffered: %v %v", damage, err)
	}
}

func unzstd(text []byte) ([]byte, error) {
	unpacked, err := zstd.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	return io.ReadAll(unpacked)
}

// TestImportRefusesEvil changes single files of an exported pack.
func TestImportRefusesEvil(t *testing.T) {
	file, _ := exported(t)
	headers, texts := unpackFile(t, file)
	find := func(name string) int {
		i := slices.IndexFunc(headers, func(h *tar.Header) bool { return h.Name == name })
		if i < 0 {
			t.Fatalf("the exported pack has no %s", name)
		}
		return i
	}
	outside := filepath.Join(t.TempDir(), "outside")
	for name, change := range map[string]func(headers []*tar.Header, texts [][]byte) ([]*tar.Header, [][]byte){
		"a path outside": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/none")].Name = "../../../../../../../.." + outside
			return h, x
		},
		"an absolute path": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/none")].Name = outside
			return h, x
		},
		"through a link": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			i := find("node/bin/")
			h[i].Typeflag, h[i].Linkname, h[i].Name = tar.TypeSymlink, filepath.Dir(outside), "node/bin"
			return h, x
		},
		"a hard link outside": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("workstation/tool")].Linkname = "/etc/passwd"
			return h, x
		},
		"a hard link to another file": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("workstation/tool")].Linkname = "images/one.tar"
			return h, x
		},
		"a device": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			i := find("node/none")
			h[i].Typeflag, h[i].Devmajor, h[i].Devminor = tar.TypeChar, 1, 3
			return h, x
		},
		"a pipe": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/none")].Typeflag = tar.TypeFifo
			return h, x
		},
		"set-user-id": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/bin/tool")].Mode |= 0o4000
			return h, x
		},
		"another owner": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/none")].Uid += 3
			return h, x
		},
		"another content": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			x[find("images/one.tar")] = []byte("tor")
			return h, x
		},
		"another link": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/outside")].Linkname = "/etc/shadow"
			return h, x
		},
		"an ability": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[find("node/none")].PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "x"}
			return h, x
		},
		"a file more": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			return append(h, &tar.Header{Name: "zzz", Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX}), append(x, nil)
		},
		"a file twice": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			i := find("node/none")
			return slices.Insert(h, i, h[i]), slices.Insert(x, i, x[i])
		},
		"a file less": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			i := find("node/none")
			return slices.Delete(h, i, i+1), slices.Delete(x, i, i+1)
		},
		"the manifest not first": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			h[0], h[1], x[0], x[1] = h[1], h[0], x[1], x[0]
			return h, x
		},
		"a manifest with a path outside": func(h []*tar.Header, x [][]byte) ([]*tar.Header, [][]byte) {
			x[0] = bytes.Replace(x[0], []byte(`"node/none"`), []byte(`"../x/none"`), 1)
			return h, x
		},
	} {
		t.Run(name, func(t *testing.T) {
			var h []*tar.Header
			for _, header := range headers {
				copied := *header
				h = append(h, &copied)
			}
			h, x := change(h, slices.Clone(texts))
			evil := filepath.Join(t.TempDir(), "evil.pack")
			packFile(t, evil, h, x)
			cache := t.TempDir()
			_, err := pack.Import(t.Context(), cache, evil, nil)
			wantError(t, err, "Nothing was imported")
			wantClean(t, cache)
			if _, err := os.Lstat(outside); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it wrote to %s", outside)
			}
			_, err = pack.Current(cache)
			wantError(t, err)
		})
	}
}

func unpackFile(t *testing.T, file string) (headers []*tar.Header, texts [][]byte) {
	t.Helper()
	text, err := unzstd(read(t, file))
	must(t, err)
	archive := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return headers, texts
		}
		must(t, err)
		text, err := io.ReadAll(archive)
		must(t, err)
		headers, texts = append(headers, header), append(texts, text)
	}
}

func packFile(t *testing.T, file string, headers []*tar.Header, texts [][]byte) {
	t.Helper()
	var out bytes.Buffer
	packed, err := zstd.NewWriter(&out)
	must(t, err)
	archive := tar.NewWriter(packed)
	for i, header := range headers {
		header.Size = 0
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(texts[i]))
		}
		must(t, archive.WriteHeader(header))
		if header.Typeflag == tar.TypeReg {
			_, err := archive.Write(texts[i])
			must(t, err)
		}
	}
	must(t, archive.Close())
	must(t, packed.Close())
	must(t, os.WriteFile(file, out.Bytes(), 0o644))
}

func TestImportStops(t *testing.T) {
	file, _ := exported(t)
	cache := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	// Ends when the first of its files has been begun.
	_, err := pack.Import(ctx, cache, file, func(p provisioner.Progress) {
		if len(p.Phases) > 0 && !p.Phases[0].StartedAt.IsZero() {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	wantClean(t, cache)
}
