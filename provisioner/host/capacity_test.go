package host_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"wheelhouse/provisioner/host"
)

func TestCapacity(t *testing.T) {
	tests := []struct {
		instances string // what the kernel says; empty where it says nothing
		want      int
		advice    string
	}{
		{"128\n", 5, "fs.inotify.max_user_instances=512"},
		{"8192\n", 341, "=16384"},
		{"10\n", 1, "=512"},
		{"", 0, ""},
	}
	for _, test := range tests {
		proc := fstest.MapFS{}
		if test.instances != "" {
			proc["sys/fs/inotify/max_user_instances"] = &fstest.MapFile{Data: []byte(test.instances)}
		}
		got, reason := host.Capacity(proc)
		if got != test.want || !strings.Contains(reason, test.advice) {
			t.Errorf("%q instances: got %d clusters (%s), want %d and %q", test.instances, got, reason, test.want, test.advice)
		}
	}
}
