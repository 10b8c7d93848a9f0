package embedded

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/embedded/machine"
)

// A creation that has no hope is ended at once, with the cause that is known, instead
// of at its time limit with a guess.

// Failures in a row, each soon after a start, after which a part of a cluster that is
// being made has no hope: where the cause is known, it has had a second chance; where
// it is not, some three seconds have passed, in which it might have waited for another.
const (
	hopelessKnown   = 2
	hopelessUnknown = 5
)

// leastFree is what the host's disk has to have left while a cluster is made, in
// bytes: etcd alone takes 64 MB at once. A cluster's disk is a sparse file: where the
// host's is full, what the cluster writes is lost without an error that says so.
const leastFree = 96 << 20

// causes are what to tell of each, after a colon.
var causes = map[machine.Cause]string{
	machine.NoInotify: "it has no inotify instances left, which Kubernetes watches files with. " +
		"Delete clusters that are not needed, or raise the limit: sudo sysctl fs.inotify.max_user_instances=8192",
	machine.NoSpace:     "the disk is full. Make room in Wheelhouse's data directory and try again.",
	machine.NoMemory:    "there is no memory left. End a lab or close other programs, or raise --cluster-memory, and try again.",
	machine.NoProcesses: "no more processes can be started. End a lab or close other programs, and try again.",
}

// brokenError says which part of a cluster does not stay up.
type brokenError struct {
	part  string        // "kubelet of worker-1"
	cause machine.Cause // "" where none is known
	log   string        // what it printed last, whose meaning is not known
}

func (e *brokenError) Error() string {
	text := e.part + " does not stay up"
	if e.cause != "" {
		text += " (" + string(e.cause) + ")"
	}
	if e.log != "" {
		text += "; it printed:\n" + e.log
	}
	return text
}

// hopeless returns why the cluster that is being made will never be ready, or nil.
func (b *build) hopeless() error {
	if !b.record.Process.alive() {
		if end, err := b.end(); err == nil && end.Message != "" {
			return &brokenError{part: "the cluster's first process", cause: b.causeOf(end.Cause), log: printableLines(end.Message)}
		}
		return errDied
	}
	if cause := b.causeOf(""); cause != "" {
		return &brokenError{part: "its disk", cause: cause}
	}
	return b.brokenPart(b.parts(b.record))
}

// brokenPart returns the error of the first part, by name, that has no hope, and nil
// where all have some.
func (b *build) brokenPart(parts map[string]machine.Part) error {
	var names []string
	for name, part := range parts {
		if part.Since.Before(b.began) {
			continue // it is told of an earlier start
		}
		if part.Failures >= hopelessUnknown || part.Cause != "" && part.Failures >= hopelessKnown {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	// A cause that is known for one part is that of the others, which wait for it.
	slices.SortFunc(names, func(one, other string) int {
		if known := strings.Compare(string(parts[other].Cause), string(parts[one].Cause)); known != 0 {
			return known
		}
		return strings.Compare(one, other)
	})
	part := parts[names[0]]
	return &brokenError{part: names[0], cause: b.causeOf(part.Cause), log: printableLines(part.Message + "\n" + part.Log)}
}

// causeOf returns the cause that the cluster itself knows, or that of the host: the
// cluster cannot know that the disk below its own is full.
func (b *build) causeOf(known machine.Cause) machine.Cause {
	if known != "" {
		return known
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(b.store.dir, &disk); err == nil && int64(disk.Bavail)*disk.Bsize < leastFree {
		return machine.NoSpace
	}
	return ""
}

// end reads how the cluster's first process ended.
func (b *build) end() (machine.End, error) {
	text, err := b.store.readInside(b.record.Name, machine.EndFile)
	if err != nil {
		return machine.End{}, err
	}
	var end machine.End
	if err := json.Unmarshal(text, &end); err != nil {
		return machine.End{}, fmt.Errorf("%s: %w", machine.EndFile, err)
	}
	return end, nil
}

// seedLog returns what a seed's control plane printed last.
func (b *build) seedLog() string {
	log, err := b.store.readInside(b.record.Name, filepath.Join("nodes", b.plan.Nodes[0].Name, "log", "control-plane.log"))
	if err != nil {
		return ""
	}
	const most = 2048 // bytes
	return printableLines(string(log[max(0, len(log)-most):]))
}

// printableLines makes each line printable; a log may hold anything.
func printableLines(text string) string {
	const most = 6
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-most):]
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
