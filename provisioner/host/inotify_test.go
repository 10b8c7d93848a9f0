package host_test

import (
	"testing"
	"testing/fstest"

	"wheelhouse/provisioner/host"
)

func TestInotifyLimits(t *testing.T) {
	for _, c := range []struct {
		watches, instances string
		want               host.Status
	}{
		{"524288", "512", host.OK},
		{"1000000", "8192", host.OK},
		{"65536", "512", host.Warning},
		{"524288", "128", host.Warning},
	} {
		proc := fstest.MapFS{
			"sys/fs/inotify/max_user_watches":   {Data: []byte(c.watches + "\n")},
			"sys/fs/inotify/max_user_instances": {Data: []byte(c.instances + "\n")},
		}
		got := host.CheckInotify(proc)
		if got.Status != c.want || (got.Next == "") != (c.want == host.OK) {
			t.Errorf("%s watches, %s instances: got %+v, want %s", c.watches, c.instances, got, c.want)
		}
	}
}
