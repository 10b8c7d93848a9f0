package pack

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"wheelhouse/provisioner/command"
)

// without lists what packages need only for their scripts, which are not run.
var without = []string{
	"adduser", "base-passwd", "bsdextrautils", "cdebconf", "debconf", "debconf-2.0", "dpkg", "init-system-helpers",
	"libcap2-bin", "libpam-modules", "libpam-runtime", "libsemanage2", "lsb-base", "passwd", "perl", "perl-base", "perl-modules",
	"perl:any", "sysvinit-utils", "ucf", "update-inetd", "usrmerge", "usr-is-merged", "util-linux-extra",
}

// basePackages make a Debian system that a person finds their way in.
var basePackages = []string{"base-files", "netbase", "bash", "coreutils", "dash", "debianutils", "grep", "sed", "findutils", "hostname", "libc-bin", "ncurses-base"}

// accounts holds passwd and group of package base-passwd, which says which
// numbers Debian's names have.
const accounts = "base-passwd"

// system unpacks packages with what they need and does by hand what their
// scripts would have done.
func (s *debSet) system(ctx context.Context, names, leaveOut []string) (*tree, []Package, error) {
	packages, err := s.closure(names, append(slices.Clone(without), leaveOut...))
	if err != nil {
		return nil, nil, err
	}
	t, err := s.tree(ctx, packages)
	if err != nil {
		return nil, nil, err
	}
	master, err := s.tree(ctx, []*debPackage{s.Packages[accounts]})
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"passwd", "group"} {
		text := master.entries["usr/share/base-passwd/"+name+".master"]
		if text == nil {
			return nil, nil, fmt.Errorf("package %s brings no %s", accounts, name)
		}
		t.text("etc/"+name, strings.ReplaceAll(string(text.text), ":*:", ":x:"), 0o644)
	}
	t.finish()
	var used []Package
	for _, p := range packages {
		used = append(used, Package{Name: p.Name, Version: p.Version, License: t.licence(p.Name)})
	}
	return t, used, nil
}

// finish does what the scripts of the packages that are there would do.
func (t *tree) finish() {
	t.text("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n", 0o644)
	t.text("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", 0o644)
	t.text("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n", 0o644)
	for _, name := range []string{"hostname", "resolv.conf", "machine-id"} {
		t.text("etc/"+name, "", 0o644)
	}
	t.text("etc/shells", "/bin/sh\n/bin/bash\n", 0o644)
	if e := t.entries["usr/share/base-files/profile"]; e != nil {
		t.text("etc/profile", string(e.text), 0o644)
	}
	if t.entries["etc/os-release"] == nil {
		t.link("etc/os-release", "../usr/lib/os-release")
	}
	for _, dir := range []string{"proc", "sys", "dev", "run", "var/tmp", "tmp", "var/log", "var/lib", "var/cache", "home", "root"} {
		if t.entries[dir] == nil {
			t.folder(dir, 0o755)
		}
	}
	t.folder("tmp", 0o777|fs.ModeSticky)
	t.folder("var/tmp", 0o777|fs.ModeSticky)
	t.folder("root", 0o700)
	t.link("var/run", "/run")
	t.remove("var/lock") // anybody may write to the one that base-files brings
	t.link("var/lock", "/run/lock")
	t.alternatives()
	t.certificates()
}

// alternatives are the names that Debian lets an administrator choose; the first
// target that is there is taken.
func (t *tree) alternatives() {
	for _, choice := range []struct {
		name    string
		targets []string
	}{
		{"usr/bin/sh", []string{"dash", "bash"}},
		{"usr/bin/awk", []string{"gawk", "mawk"}},
		{"usr/bin/vi", []string{"vim.tiny"}},
		{"usr/bin/view", []string{"vim.tiny"}},
		{"usr/bin/pager", []string{"less"}},
		{"usr/bin/editor", []string{"nano", "vim.tiny"}},
		{"usr/bin/nc", []string{"nc.openbsd"}},
		{"usr/bin/netcat", []string{"nc.openbsd"}},
		{"usr/bin/which", []string{"which.debianutils"}},
		{"usr/bin/w", []string{"w.procps"}},
		{"usr/sbin/iptables", []string{"iptables-nft"}},
		{"usr/sbin/iptables-save", []string{"iptables-nft-save"}},
		{"usr/sbin/iptables-restore", []string{"iptables-nft-restore"}},
		{"usr/sbin/ip6tables", []string{"ip6tables-nft"}},
		{"usr/sbin/ip6tables-save", []string{"ip6tables-nft-save"}},
		{"usr/sbin/ip6tables-restore", []string{"ip6tables-nft-restore"}},
	} {
		if t.entries[choice.name] != nil {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(choice.name))
		for _, target := range choice.targets {
			if t.entries[dir+"/"+target] != nil {
				t.link(choice.name, target)
				break
			}
		}
	}
}

// certificates makes the bundle that TLS clients read.
func (t *tree) certificates() {
	var bundle strings.Builder
	for _, name := range t.paths() {
		if strings.HasPrefix(name, "usr/share/ca-certificates/") && strings.HasSuffix(name, ".crt") {
			bundle.Write(t.entries[name].text)
			bundle.WriteString("\n")
		}
	}
	if bundle.Len() > 0 {
		t.text("etc/ssl/certs/ca-certificates.crt", bundle.String(), 0o644)
	}
}

// linkLibraries writes the cache of shared libraries of the system in dir.
func linkLibraries(ctx context.Context, dir string, log io.Writer) error {
	ldconfig, err := exec.LookPath("ldconfig")
	if err != nil {
		ldconfig = "/sbin/ldconfig" // not in an ordinary user's PATH
	}
	cmd := exec.CommandContext(ctx, ldconfig, "-X", "-r", dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := command.Run(cmd); err != nil {
		return fmt.Errorf("make the cache of shared libraries: %w", err)
	}
	// What it keeps for itself holds times and inodes.
	return os.RemoveAll(filepath.Join(dir, "var/cache/ldconfig"))
}
