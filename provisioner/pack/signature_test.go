package pack_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"aead.dev/minisign"

	"wheelhouse/provisioner/pack"
)

// signer makes a pair of keys.
func signer(t *testing.T) (minisign.PrivateKey, *pack.Key) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	must(t, err)
	key, err := pack.ParseKey(public.String())
	must(t, err)
	return private, key
}

// sign writes the signature beside the file, as `minisign -S` does.
func sign(t *testing.T, file string, private minisign.PrivateKey) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	reader := minisign.NewReader(f)
	_, err = io.Copy(io.Discard, reader)
	must(t, err)
	must(t, os.WriteFile(file+".minisig", reader.Sign(private), 0o644))
}

func TestImportSigned(t *testing.T) {
	file, p := exported(t)
	private, key := signer(t)
	sign(t, file, private)
	cache := t.TempDir()
	got, err := pack.ImportSigned(t.Context(), cache, file, key, nil)
	must(t, err)
	if got.Manifest().Digest != p.Manifest().Digest {
		t.Errorf("got digest %s, want %s", got.Manifest().Digest, p.Manifest().Digest)
	}
	wantClean(t, cache)
}

// TestImportRefusesSignatures: a pack that is whole, but not what the holder of the
// key has signed, leaves the cache as it was.
func TestImportRefusesSignatures(t *testing.T) {
	private, key := signer(t)
	other, otherKey := signer(t)
	for name, test := range map[string]struct {
		spoil func(t *testing.T, file string)
		words []string
	}{
		"none":        {func(t *testing.T, file string) { must(t, os.Remove(file+".minisig")) }, []string{"no signature", ".minisig", "--allow-unsigned"}},
		"no such":     {func(t *testing.T, file string) { must(t, os.WriteFile(file+".minisig", []byte("signed"), 0o644)) }, []string{"is no signature"}},
		"another key": {func(t *testing.T, file string) { sign(t, file, other) }, []string{otherKey.ID(), key.ID(), "--pack-key"}},
		"of another pack": {func(t *testing.T, file string) {
			dir, _ := makePack(t, "another")
			p, err := pack.Open(dir)
			must(t, err)
			_, err = p.Export(t.Context(), file, nil)
			must(t, err)
		}, []string{"changed"}},
		"more behind the pack": {func(t *testing.T, file string) {
			// A frame of zstd that decoders skip: the pack itself is whole.
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.Write([]byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x'})
			must(t, errors.Join(err, f.Close()))
		}, []string{"changed"}},
		"a changed signature": {func(t *testing.T, file string) {
			text := read(t, file+".minisig")
			at := bytes.IndexByte(text, '\n') + 40
			text[at] ^= 1
			must(t, os.WriteFile(file+".minisig", text, 0o644))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file, _ := exported(t)
			sign(t, file, private)
			test.spoil(t, file)
			cache := t.TempDir()
			_, err := pack.ImportSigned(t.Context(), cache, file, key, nil)
			wantError(t, err, append(test.words, "Nothing was imported")...)
			if _, err := pack.Current(cache); err == nil {
				t.Error("the pack was taken")
			}
			wantClean(t, cache)
		})
	}
}

func TestParseKey(t *testing.T) {
	public, _, err := minisign.GenerateKey(rand.Reader)
	must(t, err)
	text, err := public.MarshalText() // with its comment, as minisign writes files
	must(t, err)
	file := filepath.Join(t.TempDir(), "minisign.pub")
	must(t, os.WriteFile(file, append(text, '\n'), 0o644))
	for _, given := range []string{public.String(), string(text), file} {
		if key, err := pack.ParseKey(given); err != nil || key.ID() == "" {
			t.Errorf("ParseKey(%q): got %v, %v", given, key, err)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad")
	must(t, os.WriteFile(bad, []byte("RW"), 0o644))
	for _, given := range []string{"", "RWQ", bad, filepath.Join(t.TempDir(), "none")} {
		if key, err := pack.ParseKey(given); err == nil {
			t.Errorf("ParseKey(%q): got %v, want an error", given, key)
		}
	}
}
