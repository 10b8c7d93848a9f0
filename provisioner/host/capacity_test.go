package host_test

import (
	"strings"
	"testing"

	"wheelhouse/provisioner/host"
)

func TestCapacity(t *testing.T) {
	instances := host.Supply{Name: "inotify instances", Limit: 128, Used: 20, Ours: 54, Each: 27, Raise: "sysctl"}
	memory := host.Supply{Name: "memory", Limit: 4 << 30, Used: 3 << 30, Each: 500 << 20, Raise: "buy", Soft: true}
	tests := []struct {
		name     string
		supplies []host.Supply
		soft     bool
		want     int
		reason   string
	}{
		{"what other programs use is not there", []host.Supply{instances}, false, 4, "128 in all, 20 in use by other programs and 54 by clusters"},
		{"memory does not keep a cluster from coming up", []host.Supply{memory, instances}, false, 4, "to have more: sysctl"},
		{"memory counts where it is asked for", []host.Supply{memory, instances}, true, 2, "4.0 GB in all, 3.0 GB in use"},
		{"one can always be tried", []host.Supply{{Name: "x", Limit: 5, Used: 7, Each: 3}}, false, 1, "x"},
		{"a kernel that tells nothing", nil, true, 0, ""},
		{"nothing but memory", []host.Supply{memory}, false, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, reason := host.Capacity(test.supplies, test.soft)
			if got != test.want || !strings.Contains(reason, test.reason) {
				t.Errorf("got %d clusters (%s), want %d and %q", got, reason, test.want, test.reason)
			}
		})
	}
}

func TestCheckRoom(t *testing.T) {
	supply := func(used int64, soft bool) host.Supply {
		return host.Supply{Name: "inotify instances", Limit: 128, Used: used, Each: 27, Raise: "sysctl", Soft: soft}
	}
	tests := []struct {
		name   string
		supply host.Supply
		want   host.Status
		next   string
	}{
		{"room for four", supply(0, false), host.OK, ""},
		{"room for two", supply(60, false), host.Warning, "sysctl"},
		{"none left", supply(120, false), host.Failure, "sysctl"},
		{"none left, and clusters come up all the same", supply(120, true), host.Warning, "sysctl"},
	}
	for _, test := range tests {
		if got := host.CheckRoom([]host.Supply{test.supply}); got.Status != test.want || got.Next != test.next {
			t.Errorf("%s: got %+v, want %s and %q", test.name, got, test.want, test.next)
		}
	}
	if got := host.CheckRoom(nil); got.Status != host.Warning {
		t.Errorf("nothing known: got %+v", got)
	}
}
