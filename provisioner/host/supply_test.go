package host_test

import (
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"wheelhouse/provisioner/host"
)

func TestSupplies(t *testing.T) {
	const cluster = 1 << 30 // a user id of a cluster's
	proc := fstest.MapFS{
		"sys/fs/inotify/max_user_instances": text("128"),
		"sys/kernel/pty/max":                text("4096"),
		"sys/kernel/pty/reserve":            text("1024"),
		"sys/kernel/pty/nr":                 text("5"),
		"sys/kernel/pid_max":                text("32768"),
		"sys/kernel/threads-max":            text("192729"),
		"meminfo":                           text("MemTotal: 4194304 kB\nMemFree: 1 kB\nMemAvailable: 3145728 kB"),
		"1/status":                          text("Name: init\nUid:\t0\t0\t0\t0\nThreads:\t3\nRssAnon:\t1000 kB"),
		"77/status":                         text(fmt.Sprintf("Name: kubelet\nUid:\t%d\t0\t0\t0\nThreads:\t12\nRssAnon:\t102400 kB\nRssShmem:\t1024 kB", cluster)),
		"self/status":                       text("Uid: 0\nThreads: 1000"),
		"1/fd/3":                            link("anon_inode:inotify"), "1/fd/4": link("anon_inode:[eventpoll]"), "1/fd/5": link("/dev/ptmx"),
		"77/fd/9": link("anon_inode:inotify"), "77/fd/10": link("anon_inode:inotify"), "77/fd/11": link("/dev/pts/ptmx"),
	}
	want := map[string][3]int64{ // Limit, Used, Ours
		"inotify instances":     {128, 1, 2},
		"pseudo-terminals":      {3072, 4, 1},
		"processes and threads": {32768, 3, 12},
		"memory":                {4 << 30, 1<<30 - 101<<20, 101 << 20},
	}
	got := host.Supplies(proc, 500<<20, func(uid uint32) bool { return uid == cluster })
	if len(got) != len(want) {
		t.Errorf("got %d supplies, want %d", len(got), len(want))
	}
	for _, s := range got {
		if numbers := [3]int64{s.Limit, s.Used, s.Ours}; numbers != want[s.Name] {
			t.Errorf("%s: got limit, used, ours %v, want %v", s.Name, numbers, want[s.Name])
		}
	}
	if got := host.Supplies(fstest.MapFS{}, 1, nil); len(got) != 0 {
		t.Errorf("a kernel that tells nothing: got %v", got)
	}
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s + "\n")} }

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}
