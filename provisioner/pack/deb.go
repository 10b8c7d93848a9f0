package pack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"

	"wheelhouse/provisioner/command"
)

// unpack adds the files of a Debian package to the tree, but for those that
// nobody reads on a machine without people: manuals, translations. None of its
// scripts is run.
func (t *tree) unpack(ctx context.Context, file string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", file)
	var stderr command.Tail
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = t.add(tar.NewReader(out))
	if err != nil {
		_ = cmd.Process.Kill()
	} else {
		_, err = io.Copy(io.Discard, out) // the padding, so that dpkg-deb can end
	}
	if ended := cmd.Wait(); err == nil {
		err = command.Failed("dpkg-deb --fsys-tarfile", ended, stderr.Bytes())
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", file, err)
	}
	return nil
}

// add takes in everything of an archive that is wanted.
func (t *tree) add(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if unread(name, header.Typeflag == tar.TypeDir, t.systemd) {
			continue
		}
		e := &entry{mode: fileMode(header.Mode), uid: header.Uid, gid: header.Gid, time: header.ModTime}
		switch header.Typeflag {
		case tar.TypeDir:
			e.mode |= fs.ModeDir
			if old := t.entries[t.clean(name)]; old != nil {
				continue // the first package to bring a folder says how it is
			}
		case tar.TypeSymlink:
			e.mode |= fs.ModeSymlink
			e.link = header.Linkname
		case tar.TypeLink:
			other := t.entries[t.clean(header.Linkname)]
			if other == nil {
				return fmt.Errorf("%s is a link to %s, which is not there", name, header.Linkname)
			}
			e = other
		case tar.TypeReg:
			if e.text, err = io.ReadAll(archive); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s is neither file nor folder nor link", name)
		}
		t.put(name, e)
	}
}

// unread says that nothing of a pack needs a file of a package, or of a system that
// systemd starts. Copyright files always stay.
func unread(name string, folder, systemd bool) bool {
	if strings.HasPrefix(name, "usr/share/doc/") {
		base := path.Base(name)
		return base != "copyright" && !(folder || strings.Count(name, "/") == 3) // a folder may be a link to another's
	}
	return below(name, unreadFolders) || !systemd && below(name, systemdFolders)
}

// below reports whether name is one of the folders or in one.
func below(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		return name == folder || strings.HasPrefix(name, folder+"/")
	})
}

var systemdFolders = []string{"usr/lib/systemd", "lib/systemd"}

var unreadFolders = []string{
	"usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/share/doc-base",
	"usr/share/menu", "usr/share/applications", "usr/share/pixmaps", "usr/share/icons", "usr/share/gdb", "usr/share/zsh",
	"usr/share/fish", "usr/share/initramfs-tools", "usr/share/apport", "usr/share/reportbug",
	"etc/init.d", "etc/default", "etc/cron.d", "etc/cron.daily", "etc/cron.weekly", "etc/logrotate.d",
	"etc/ufw", "etc/apt", "etc/dpkg", "etc/pam.d", "etc/logcheck", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/aarch64-linux-gnu/gconv",
}
