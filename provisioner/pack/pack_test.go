package pack_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/pack"
)

// makePack makes a small pack with a file of each kind. Where the test runs as
// root, some belong to others.
func makePack(t *testing.T, salt string) (dir string, m *pack.Manifest) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "pack")
	for _, folder := range []string{"node/bin", "node/tmp", "node/empty", "workstation/home", "containerd/snapshots/1/fs", "images", "bin"} {
		must(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	for name, text := range map[string]string{
		"node/bin/tool": "#!/bin/sh\n" + salt, "node/bin-older": "sorted between", "node/none": "", "containerd/meta.db": "\x00\x01",
		"containerd/snapshots/1/fs/private": "secret", "images/one.tar": "tar", "runtime.erofs": "image" + salt, "bin/runc": "runc",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	must(t, os.Chmod(filepath.Join(dir, "node/bin/tool"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "node/tmp"), 0o777|os.ModeSticky))
	must(t, os.Chmod(filepath.Join(dir, "containerd/snapshots/1/fs/private"), 0o400))
	must(t, os.Symlink("bin/tool", filepath.Join(dir, "node/link")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "node/outside")))
	must(t, os.Link(filepath.Join(dir, "node/bin/tool"), filepath.Join(dir, "workstation/tool")))
	if os.Geteuid() == 0 {
		must(t, os.Chown(filepath.Join(dir, "workstation/home"), 1000, 1000))
		must(t, os.Chown(filepath.Join(dir, "containerd/snapshots/1/fs/private"), 999, 998))
		must(t, os.Lchown(filepath.Join(dir, "node/link"), 7, 8))
		// An ability, as ping has it: cap_net_raw.
		must(t, syscall.Setxattr(filepath.Join(dir, "node/bin/tool"), "security.capability",
			[]byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0))
	}
	must(t, os.Chmod(filepath.Join(dir, "node/empty"), 0o555))
	m, err := pack.WriteManifest(dir, pack.Manifest{Kubernetes: "v1.36.3", Arch: runtime.GOARCH})
	must(t, err)
	return dir, m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that an error is one for people, with these words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	known, ok := errors.AsType[*provisioner.Error](err)
	if !ok || known.Reason != provisioner.NoPack {
		t.Fatalf("got error %v, want one with reason %s", err, provisioner.NoPack)
	}
	for _, word := range words {
		if !strings.Contains(known.Message, word) {
			t.Errorf("got message %q, want %q in it", known.Message, word)
		}
	}
}

func TestOpen(t *testing.T) {
	dir, m := makePack(t, "")
	p, err := pack.Open(dir)
	must(t, err)
	if p.Manifest().Digest != m.Digest || p.Manifest().Kubernetes != "v1.36.3" {
		t.Errorf("got manifest %+v", p.Manifest())
	}
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	through, err := pack.Open(link)
	must(t, err)
	if real, _ := filepath.EvalSymlinks(dir); through.Dir() != real {
		t.Errorf("got folder %s, want %s", through.Dir(), real)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		words string
	}{
		"nothing there":   {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, "pack import"},
		"no manifest":     {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "manifest.json"))) }, "pack build"},
		"no manifest's":   {edit(`"version": 2`, `"version": 1`), "pack build"},
		"another list":    {edit(`node/none`, `node/nonf`), "pack build"},
		"a path outside":  {edit(`"node/none"`, `"../x/none"`), "pack build"},
		"another machine": {edit(`"arch": "`, `"arch": "not-`), "not-" + runtime.GOARCH},
		"no image":        {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "runtime.erofs"))) }, "pack build"},
		"no runc":         {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "bin/runc"))) }, "pack build"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := makePack(t, "")
			test.spoil(t, dir)
			_, err := pack.Open(dir)
			wantError(t, err, test.words)
		})
	}
}

// edit replaces a text in the manifest.
func edit(old, new string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		file := filepath.Join(dir, "manifest.json")
		text, err := os.ReadFile(file)
		must(t, err)
		changed := bytes.Replace(text, []byte(old), []byte(new), 1)
		if bytes.Equal(text, changed) {
			t.Fatalf("the manifest has no %s", old)
		}
		must(t, os.WriteFile(file, changed, 0o644))
	}
}

// TestProgram: the digest of what the host runs is the manifest's.
func TestProgram(t *testing.T) {
	dir, m := makePack(t, "")
	p, err := pack.Open(dir)
	must(t, err)
	path, digest, err := p.Program(pack.HostRunc)
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(text)); got != digest || string(text) != "runc" {
		t.Errorf("got %s with the digest %s, want the manifest's %s", path, got, digest)
	}
	if _, _, err := p.Program("none"); err == nil {
		t.Errorf("got a program that is not among %d files", len(m.Files))
	}
}

func TestCurrentSaysHowToGetOne(t *testing.T) {
	_, err := pack.Current(t.TempDir())
	wantError(t, err, "make pack", "wheelhouse pack build", "wheelhouse pack import")
}

func TestVerify(t *testing.T) {
	root := os.Geteuid() == 0
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  []string
		root  bool
	}{
		"whole": {spoil: func(*testing.T, string) {}},
		"content": {
			spoil: func(t *testing.T, dir string) {
				must(t, os.WriteFile(filepath.Join(dir, "images/one.tar"), []byte("tor"), 0o644))
			},
			want: []string{"images/one.tar: has another content"},
		},
		"size": {
			spoil: func(t *testing.T, dir string) {
				must(t, os.WriteFile(filepath.Join(dir, "images/one.tar"), []byte("t"), 0o644))
			},
			want: []string{"images/one.tar: has 1 bytes and should have 3"},
		},
		"missing": {
			spoil: func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "node/bin"))) },
			want:  []string{"node/bin: missing", "node/bin/tool: missing"},
		},
		"extra": {
			spoil: func(t *testing.T, dir string) {
				must(t, os.WriteFile(filepath.Join(dir, "node/zzz"), nil, 0o644))
				must(t, os.Mkdir(filepath.Join(dir, "aaa"), 0o755))
			},
			want: []string{"aaa: extra: the manifest does not name it", "node/zzz: extra: the manifest does not name it"},
		},
		"mode": {
			spoil: func(t *testing.T, dir string) { must(t, os.Chmod(filepath.Join(dir, "node/tmp"), 0o755)) },
			want:  []string{"node/tmp: has mode 0755 and should have 1777"},
		},
		"link": {
			spoil: func(t *testing.T, dir string) {
				must(t, os.Remove(filepath.Join(dir, "node/outside")))
				must(t, os.Symlink("/etc/shadow", filepath.Join(dir, "node/outside")))
			},
			want: []string{"node/outside: links to /etc/shadow and should to /etc/passwd"},
		},
		"kind": {
			spoil: func(t *testing.T, dir string) {
				must(t, os.Remove(filepath.Join(dir, "node/none")))
				must(t, os.Mkdir(filepath.Join(dir, "node/none"), 0o644))
			},
			want: []string{"node/none: is a folder and should be a file"},
		},
		"owner": {
			spoil: func(t *testing.T, dir string) { must(t, os.Lchown(filepath.Join(dir, "node/none"), 5, 6)) },
			want:  []string{"node/none: belongs to 5:6 and should to 0:0"},
			root:  true,
		},
		"ability": {
			spoil: func(t *testing.T, dir string) {
				must(t, syscall.Removexattr(filepath.Join(dir, "node/bin/tool"), "security.capability"))
			},
			want: []string{"node/bin/tool: has other extended attributes", "workstation/tool: has other extended attributes"},
			root: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.root && !root {
				t.Skip("SKIPPED: only root can give files away")
			}
			dir, _ := makePack(t, "")
			p, err := pack.Open(dir)
			must(t, err)
			test.spoil(t, dir)
			damage, err := p.Verify(t.Context())
			must(t, err)
			var got []string
			for _, one := range damage {
				got = append(got, one.String())
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestVerifyStops(t *testing.T) {
	dir, _ := makePack(t, "")
	p, err := pack.Open(dir)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

// TestAdoptPrunes: the current pack stays, the last one before it, and what
// somebody uses.
func TestAdoptPrunes(t *testing.T) {
	cache := t.TempDir()
	var dirs []string
	user := filepath.Join(t.TempDir(), "a cluster")
	must(t, os.Mkdir(user, 0o755))
	for _, salt := range []string{"one", "two", "three", "four"} {
		dir, m := makePack(t, salt)
		must(t, os.MkdirAll(cache, 0o755))
		// A rename needs both on one file system.
		moved := filepath.Join(cache, salt)
		must(t, os.Rename(dir, moved))
		p, err := pack.Adopt(cache, moved, m)
		must(t, err)
		if salt == "one" {
			must(t, p.Keep(user))
		}
		dirs = append(dirs, p.Dir())
		now, err := pack.Current(cache)
		must(t, err)
		if now.Dir() != p.Dir() {
			t.Errorf("got current pack %s, want %s", now.Dir(), p.Dir())
		}
	}
	for i, want := range []bool{true, false, true, true} {
		if _, err := os.Stat(dirs[i]); (err == nil) != want {
			t.Errorf("pack %d: there is %v, want %v", i, err == nil, want)
		}
	}
	listed, err := pack.List(cache)
	must(t, err)
	if len(listed) != 3 || !listed[0].Current || listed[0].Dir() != dirs[3] || listed[1].Current {
		t.Errorf("got list %v", listed)
	}
	must(t, os.Remove(user))
	dir, m := makePack(t, "five")
	moved := filepath.Join(cache, "five")
	must(t, os.Rename(dir, moved))
	_, err = pack.Adopt(cache, moved, m)
	must(t, err)
	for i, want := range []bool{false, false, false, true} {
		if _, err := os.Stat(dirs[i]); (err == nil) != want {
			t.Errorf("pack %d, with nobody using one: there is %v, want %v", i, err == nil, want)
		}
	}
}
