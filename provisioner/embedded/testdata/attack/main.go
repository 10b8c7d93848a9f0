// Command attack is what a student might run who is root in a privileged Pod. Its
// first argument names the attack. Results are JSON lines, compressed, on standard
// output; the test that started it decides which of them are damage.
//
// The attacks are harmless by themselves: what exists is overwritten with its own
// bytes, and what is new is named after marker.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// marker begins the name of everything that an attack makes, and is what it writes.
const marker = "wheelhouse-attack"

// attacks are those that report results.
var attacks = map[string]func(args []string) error{
	"mounts":      attackMounts,
	"namespaces":  attackNamespaces,
	"descriptors": attackDescriptors,
	"processes":   attackProcesses,
	"swap":        swapLinks,
	"restore":     func([]string) error { return restoreLinks() },
	"look":        look,
	"kill":        func([]string) error { return killNode() },
	"hold":        holdLimits,
	"watch":       watchOthers,
	"deepen":      deepen,
}

func main() {
	runtime.LockOSThread() // child processes live as long as the thread that started them
	log.SetFlags(0)
	name, args := os.Args[1], os.Args[2:]
	switch name {
	case "try": // one system call; the exit code says whether it was let happen
		try(args)
	case "wait": // holds a container's root file system
		for {
			time.Sleep(time.Hour)
		}
	case "holder": // the process behind hold
		beHolder(args)
	case "apart": // writes its results to the file args[0], whatever becomes of its caller
		if err := runApart(args[0], args[1:]); err != nil {
			log.Fatal(err)
		}
	default:
		out := gzip.NewWriter(os.Stdout)
		results = json.NewEncoder(out)
		if err := errors.Join(attacks[name](args), out.Close()); err != nil {
			log.Fatal(err)
		}
	}
}

// runApart starts an attack in a session of its own. The file is there when it has
// ended.
func runApart(file string, args []string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", `"$@" >"$0.new" 2>"$0.err" </dev/null; mv "$0.new" "$0"`)
	cmd.Args = append(append(cmd.Args, file, os.Args[0]), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// result is what came of one attempt.
type result struct {
	Attack string `json:"attack"`
	Way    string `json:"way,omitempty"`   // how
	Where  string `json:"where,omitempty"` // the mount, process or file that was attacked
	Device string `json:"device,omitempty"`
	FS     string `json:"fs,omitempty"`   // type of the file system
	Root   string `json:"root,omitempty"` // what of the file system is mounted

	Done    []string       `json:"done,omitempty"`    // what was let happen
	Refused map[string]int `json:"refused,omitempty"` // how often by error
	Note    string         `json:"note,omitempty"`
	Count   int            `json:"count,omitempty"` // how many were tried, or are held
}

var (
	resultsMu sync.Mutex
	results   *json.Encoder
)

func report(r result) {
	resultsMu.Lock()
	defer resultsMu.Unlock()
	if err := results.Encode(r); err != nil {
		log.Fatal(err)
	}
}

// device formats a device number as mountinfo does.
func device(dev uint64) string { return fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev)) }

// errorName returns the name of a system call's error: EPERM.
func errorName(err error) string {
	var number unix.Errno
	if errors.As(err, &number) {
		return unix.ErrnoName(number)
	}
	return err.Error()
}
