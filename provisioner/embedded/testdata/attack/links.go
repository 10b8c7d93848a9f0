package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// swapped ends the name of what a link has taken the place of.
const swapped = "." + marker

// swapLinks puts symbolic links to args[1] in the place of files and folders that a
// node is made of. args[0] says which:
//
//	sources   what is mounted into the node, wherever a mount of a folder above lets
//	          it be renamed, and all beside it
//	above     the folders above those
//	contents  what lies in the folders that are mounted into the node
//	places    what the node's mounts are mounted on
//
// args[2], where it is given, is the only one that is swapped: its path in its file
// system. Without args[1] they are only listed.
func swapLinks(args []string) error {
	kind, link, only := args[0], "", ""
	if len(args) > 1 {
		link = args[1]
	}
	if len(args) > 2 {
		only = args[2]
	}
	count := 0
	err := eachFolder(kind, func(root, folder string, names []string) {
		for _, name := range names {
			inFS := filepath.Join(root, name)
			if strings.HasSuffix(name, swapped) || strings.HasPrefix(name, marker) || only != "" && inFS != only {
				continue
			}
			count++
			path := filepath.Join(folder, name)
			r := result{Attack: "swap", Way: kind, Where: path, Root: inFS, Note: link}
			if link == "" {
				report(r)
				continue
			}
			if err := swap(path, link); err != nil {
				r.Refused = map[string]int{errorName(err): 1}
			} else {
				r.Done = []string{"swapped"}
			}
			report(r)
		}
	})
	report(result{Attack: "swap", Way: kind, Count: count})
	return err
}

// swap renames path and leaves a link. The link of a file leads to a file.
func swap(path, link string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		link = strings.TrimSuffix(link, "/") + "/proc/1/status"
	}
	if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, path+swapped, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	return os.Symlink(link, path)
}

// restoreLinks undoes swaps, as far as the Pod reaches them.
func restoreLinks() error {
	var failed []error
	for _, kind := range []string{"above", "sources", "contents", "places"} {
		failed = append(failed, eachFolder(kind, func(_, folder string, names []string) {
			for _, name := range names {
				old, ok := strings.CutSuffix(name, swapped)
				if !ok {
					continue
				}
				path := filepath.Join(folder, old)
				info, err := os.Lstat(path)
				if err == nil && info.Mode()&os.ModeSymlink == 0 { // made anew meanwhile
					err = os.RemoveAll(path)
				} else if err == nil {
					err = os.Remove(path)
				}
				if err == nil || errors.Is(err, os.ErrNotExist) {
					err = os.Rename(filepath.Join(folder, name), path)
				}
				r := result{Attack: "restore", Where: path, Done: []string{"restored"}}
				if err != nil {
					r.Done, r.Note = nil, err.Error()
				}
				report(r)
			}
		}))
	}
	return errors.Join(failed...)
}

// eachFolder calls do with every folder whose entries are of the kind, its path in
// its file system, and their names, in a copy of each namespace. What lies deeper
// comes first.
func eachFolder(kind string, do func(root, folder string, names []string)) error {
	spaces := spacesOfProcesses()
	node := slices.IndexFunc(spaces, func(s space) bool { return s.pid == 1 })
	if node < 0 {
		return errors.New("there is no process 1")
	}
	bound := mountsOf("1") // what the node was given; the roots of memory and the like are "/"
	done := map[string]bool{}
	var failed []error
	for _, s := range spaces {
		if (kind == "contents" || kind == "places") && s.pid != 1 {
			continue
		}
		failed = append(failed, s.inCopy(func(scratch string) error {
			for i, m := range mountsHere() {
				if kernelFS[m.fs] || m.path == scratch || kind == "places" && m.path != "/" {
					continue
				}
				wanted := wantedIn(kind, m, bound)
				if len(wanted) == 0 || done[m.device+m.root] {
					continue
				}
				done[m.device+m.root] = true
				// Seen alone, nothing that is mounted in it is in the way.
				place := fmt.Sprintf("%s/links-%d", scratch, i)
				if err := errors.Join(placeLike(m, place), unix.Mount(m.path, place, "", unix.MS_BIND, "")); err != nil {
					continue
				}
				walk(place, wanted, func(folder string, names []string) {
					do(filepath.Join(m.root, strings.TrimPrefix(folder, place)), folder, names)
				})
			}
			return nil
		}))
	}
	// One that has ended since is no failure.
	return errors.Join(slices.DeleteFunc(failed, func(err error) bool { return errors.Is(err, unix.ENOENT) })...)
}

// wantedIn returns the folders of m, by their paths from its root, whose entries are
// of the kind; each with the names wanted, or none for all.
func wantedIn(kind string, m mount, bound []mount) map[string][]string {
	wanted := map[string][]string{}
	for _, b := range bound {
		switch kind {
		case "sources", "above":
			rel, ok := below(m.root, b.root)
			if !ok || b.device != m.device {
				continue
			}
			pattern := "."
			for range strings.Count(rel, "/") {
				if kind == "above" {
					wanted[pattern] = nil
				}
				pattern = filepath.Join(pattern, "*")
			}
			if kind == "sources" {
				wanted[pattern] = nil
			}
		case "contents":
			if b.device == m.device && b.root == m.root && m.root != "/" {
				wanted["."] = nil
			}
		case "places":
			if dir, name := filepath.Split(b.path); name != "" && !kernelFS[b.fs] {
				rel := strings.TrimPrefix(filepath.Clean(dir), "/")
				if rel == "" {
					rel = "."
				}
				wanted[rel] = append(wanted[rel], name)
			}
		}
	}
	return wanted
}

func walk(place string, wanted map[string][]string, do func(folder string, names []string)) {
	var folders []string
	names := map[string][]string{}
	for pattern, some := range wanted {
		found, _ := filepath.Glob(filepath.Join(place, pattern)) // the pattern is well formed
		for _, folder := range found {
			if info, err := os.Lstat(folder); err != nil || !info.IsDir() {
				continue
			}
			entries, err := os.ReadDir(folder)
			if err != nil {
				continue
			}
			for _, entry := range entries {
				plain := strings.TrimSuffix(entry.Name(), swapped)
				if some == nil || slices.Contains(some, plain) {
					names[folder] = append(names[folder], entry.Name())
				}
			}
			folders = append(folders, folder)
		}
	}
	slices.SortFunc(folders, byDepth)
	for _, folder := range slices.Compact(folders) {
		do(folder, names[folder])
	}
}

// killNode ends the node's first process, by whatever it listens to, with all that
// it has started.
func killNode() error {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = syscall.Kill(1, s) // it may take no notice
	}
	return syscall.Kill(-1, syscall.SIGKILL)
}
