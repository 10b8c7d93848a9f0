package embedded_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wheelhouse/provisioner/embedded"
	parts "wheelhouse/provisioner/embedded/machine"
	doctor "wheelhouse/provisioner/host"
)

// TestDoctor: on a machine that can make clusters the doctor has tried it, quickly,
// and nothing is left.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	options := optionsAt(t, dir)
	before := traces(t, dir)
	start := time.Now()
	findings := embedded.Doctor(t.Context(), options)
	t.Logf("%.1f s", time.Since(start).Seconds())
	for _, f := range findings {
		t.Logf("%s %s: %s", f.Status, f.Name, f.Message)
		if f.Status == doctor.Failure {
			t.Errorf("%s: %s %s", f.Name, f.Message, f.Next)
		}
	}
	want := append([]string{"disks of clusters", "container"}, parts.TrialParts...)
	for _, name := range append(want, "trial") {
		if !slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Name == name && f.Status == doctor.OK }) {
			t.Errorf("nothing was found of %s", name)
		}
	}
	for what, count := range traces(t, dir) {
		if count > before[what] && what != "goroutines" && what != "folders" {
			t.Errorf("%s: %d, before %d", what, count, before[what])
		}
	}
	if left := leftovers(t, dir, ".trial"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestDoctorCleansUp: what a killed doctor has left is removed by the next.
func TestDoctorCleansUp(t *testing.T) {
	dir := t.TempDir()
	options := optionsAt(t, dir)
	left := dir + "/embedded/.trial"
	if err := os.MkdirAll(left+"/cluster", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left+"/record.json", []byte(`{"name":".trial","state":"Creating"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	findings := embedded.Doctor(t.Context(), options)
	if last := findings[len(findings)-1]; last.Name != "trial" || last.Status != doctor.OK {
		t.Errorf("got %+v", last)
	}
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is still there", left)
	}
}

func TestTrialFindings(t *testing.T) {
	all := func(failed, text string) []parts.TrialPart {
		var outcome []parts.TrialPart
		for _, name := range append([]string{"disks of clusters", "container"}, parts.TrialParts...) {
			part := parts.TrialPart{Part: name, Took: 100 * time.Millisecond}
			if name == failed {
				part.Error = text
			}
			outcome = append(outcome, part)
		}
		return outcome
	}
	tests := []struct {
		name  string
		parts []parts.TrialPart
		err   error
		want  doctor.Status // of the last finding
		about string        // its name
		next  string        // what the failed finding says to do
	}{
		{"all is well", all("", ""), nil, doctor.OK, "trial", ""},
		{"no loop devices", all("disks of clusters", "the kernel offers no loop devices")[:1], nil, doctor.Failure, "disks of clusters", "modprobe loop"},
		{"no mkfs", all("disks of clusters", "there is no mkfs.ext4")[:1], nil, doctor.Failure, "disks of clusters", "e2fsprogs"},
		{"no namespaces left", all("container", "runc create: unable to start: create user namespaces: no space left on device")[:2], nil, doctor.Failure, "container", "user.max_user_namespaces"},
		{"no systemd to ask", all("container", "unable to start unit wheelhouse-x.scope: Message recipient disconnected from message bus")[:2], nil, doctor.Failure, "container", "systemctl"},
		{"a file system that maps no ids", all("container", `failed to set MOUNT_ATTR_IDMAP on /pack: mount_setattr: invalid argument`)[:2], nil, doctor.Failure, "container", "--pack-cache"},
		{"memory is kept back", all(parts.TrialGroups, "the controller memory is not handed on to clusters"), nil, doctor.Failure, parts.TrialGroups, "cgroup_enable=memory"},
		{"no overlay", all(parts.TrialFiles, "mount an overlay: no such device"), nil, doctor.Failure, parts.TrialFiles, "modprobe overlay"},
		{"no bridge", all(parts.TrialNetwork, "make the bridge lan0: operation not supported"), nil, doctor.Failure, parts.TrialNetwork, "modprobe bridge"},
		{"no nf_tables", all(parts.TrialRules, "nft: exit status 1: Error: Could not process rule: Operation not supported"), nil, doctor.Failure, parts.TrialRules, "nf_tables"},
		{"something that is not known", all(parts.TrialNetwork, "an unheard-of failure"), nil, doctor.Failure, parts.TrialNetwork, "dmesg"},
		{"too slow in the network", all("", "")[:5], errors.New("the trial took too long"), doctor.Failure, "trial", "dmesg"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			findings := embedded.TrialFindings(test.parts, test.err)
			find := func(name string) doctor.Finding {
				for _, f := range findings {
					if f.Name == name {
						return f
					}
				}
				return doctor.Finding{}
			}
			got := find(test.about)
			if got.Status != test.want || !strings.Contains(got.Next, test.next) || (got.Next == "") != (test.want == doctor.OK) {
				t.Errorf("got %+v, want %s and %q", got, test.want, test.next)
			}
			if ok := find("trial").Status == doctor.OK; ok != (test.want == doctor.OK) {
				t.Errorf("that clusters can be made is said: %v", ok)
			}
		})
	}
}
