package content

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The sizes that a course may have. They are far above what a lab needs, and
// keep a hostile archive from filling the memory.
const (
	maxFile  = 256 << 10 // bytes of one file
	maxFiles = 10_000    // files and folders of one course
	maxTotal = 64 << 20  // bytes of one course
)

// Load reads and checks the course in the folder of that name. On mistakes it
// returns all of them at once: an errors.Join of *Problem, in the order of files
// and lines, which Problems takes apart, beside what could be read of the course:
// that is only good for finding further mistakes, and nil where nothing could be
// read. What does not keep a course from being taught is in its Warnings. CEL expressions are not compiled here, because that needs Kubernetes'
// libraries: see package grader.
//
// Load reads nothing outside of the course's folder. A symbolic link in it is a
// Problem and is not followed.
func Load(fsys fs.FS, course string) (*Course, error) {
	l := &loader{fsys: fsys, files: map[string]int64{}, children: map[string][]string{}, broken: map[place]bool{}}
	if problem := checkName(course); problem != "" {
		return nil, &Problem{File: course, Message: "the course's folder " + problem}
	}
	if err := l.scan(course); err != nil {
		return nil, err
	}
	loaded := l.course(course)
	slices.SortStableFunc(l.warnings, byPlace)
	loaded.Warnings = l.warnings
	if len(l.problems) == 0 {
		return loaded, nil
	}
	slices.SortStableFunc(l.problems, byPlace)
	joined := make([]error, len(l.problems))
	for i, problem := range l.problems {
		joined[i] = problem
	}
	return loaded, errors.Join(joined...)
}

// loader reads one course and collects what is wrong with it.
type loader struct {
	fsys     fs.FS
	files    map[string]int64    // every regular file of the course, by path, with its size
	children map[string][]string // the names in every folder of the course, sorted
	problems []*Problem
	warnings []*Problem
	values   Values         // of the variables of the lab that is being read; nil where it has none
	broken   map[place]bool // lines that could not be decoded; a second complaint would be noise
}

type place struct {
	file string
	line int
}

func (l *loader) addf(file string, line int, format string, args ...any) {
	if line > 0 && l.broken[place{file, line}] {
		return
	}
	l.problems = append(l.problems, &Problem{File: file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// note adds what is wrong with a Markdown text to the problems or to the warnings. A
// lab with variables is read twice, and warned of once.
func (l *loader) note(file string, line int, found markdownProblem) {
	if !found.warning {
		l.addf(file, line, "%s", found.message)
		return
	}
	warning := Problem{File: file, Line: line, Message: found.message}
	if !slices.ContainsFunc(l.warnings, func(other *Problem) bool { return *other == warning }) {
		l.warnings = append(l.warnings, &warning)
	}
}

// Leftover tells by a file's path in a course whether it is none of the course's:
// what editors, desktops and version control leave beside what people write. What
// a student finds in the home folder (files) may have any name.
func Leftover(name string) bool {
	base := path.Base(name)
	return (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "#") || strings.HasSuffix(base, "~")) &&
		!slices.Contains(strings.Split(path.Dir(name), "/"), "files")
}

// scan finds all files before any is opened, because fs.FS follows symbolic links
// and an entry of a folder tells what it is. It fails only where nothing can be
// read at all.
func (l *loader) scan(course string) error {
	if err := l.realFolder(course); err != nil {
		return err
	}
	var total int64
	err := fs.WalkDir(l.fsys, course, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			l.addf(name, 0, "cannot be read: %v", errors.Unwrap(err))
			return fs.SkipDir
		}
		if name != course && Leftover(name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if name != course {
			parent := path.Dir(name)
			l.children[parent] = append(l.children[parent], entry.Name())
		}
		switch {
		case entry.IsDir():
			l.children[name] = []string{}
		case !entry.Type().IsRegular():
			l.addf(name, 0, "is a %s; a course holds plain files and folders only, so put a copy here", typeName(entry.Type()))
		default:
			info, err := entry.Info()
			if err != nil {
				l.addf(name, 0, "cannot be read: %v", err)
				return nil
			}
			total += info.Size()
			l.files[name] = info.Size()
		}
		if len(l.files)+len(l.children) > maxFiles || total > maxTotal {
			return &Problem{File: course, Message: fmt.Sprintf("holds more than %d files or %d MiB", maxFiles, maxTotal>>20)}
		}
		return nil
	})
	return err
}

// realFolder tells whether the course is a folder itself, not a link to one.
func (l *loader) realFolder(course string) error {
	entries, err := fs.ReadDir(l.fsys, ".")
	if err != nil {
		return fmt.Errorf("cannot read the courses: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() != course {
			continue
		}
		if !entry.IsDir() {
			return &Problem{File: course, Message: "is not a folder; a course is a folder that holds course.yaml"}
		}
		return nil
	}
	return &Problem{File: course, Message: "there is no course folder of this name"}
}

func typeName(mode fs.FileMode) string {
	if mode&fs.ModeSymlink != 0 {
		return "symbolic link"
	}
	return "special file"
}

// text reads a file that scan has found. Its second result is false where the
// file is absent or was refused; the problem is noted.
func (l *loader) text(name string) (string, bool) {
	size, found := l.files[name]
	switch {
	case !found && l.isFolder(name):
		l.addf(name, 0, "is a folder and has to be a file")
		return "", false
	case !found:
		l.addf(name, 0, "is missing")
		return "", false
	case size > maxFile:
		l.addf(name, 0, "is larger than %d KiB", maxFile>>10)
		return "", false
	}
	raw, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		l.addf(name, 0, "cannot be read: %v", err)
		return "", false
	}
	if len(raw) > maxFile { // it grew since it was scanned
		l.addf(name, 0, "is larger than %d KiB", maxFile>>10)
		return "", false
	}
	if !utf8.Valid(raw) || strings.ContainsRune(string(raw), 0) {
		l.addf(name, 0, "is not a text in UTF-8")
		return "", false
	}
	return l.filled(name, plainText(raw)), true
}

// plainText is a file's text as all else reads it: without the byte order mark
// that some editors of Windows write at its start, and with plain ends of lines.
func plainText(raw []byte) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(raw), "\ufeff"), "\r\n", "\n")
}

func (l *loader) isFolder(name string) bool {
	_, found := l.children[name]
	return found
}

// folders returns the names of the folders in a folder, sorted.
func (l *loader) folders(parent string) []string {
	var names []string
	for _, name := range l.children[parent] {
		if l.isFolder(path.Join(parent, name)) {
			names = append(names, name)
		}
	}
	return names
}

// only complains about everything in a folder that has no meaning there: most
// often a misspelt name, which would otherwise be ignored without a word.
func (l *loader) only(folder, what string, known func(name string, isFolder bool) bool) {
	for _, name := range l.children[folder] {
		full := path.Join(folder, name)
		if _, isFile := l.files[full]; !isFile && !l.isFolder(full) {
			continue // a link; scan has said so
		}
		if !known(name, l.isFolder(full)) {
			l.addf(full, 0, "has no meaning here: %s", what)
		}
	}
}
