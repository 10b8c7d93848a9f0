package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded/machine"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/pack"
)

const (
	trialName    = "trial"         // of its finding
	trialCluster = ".trial"        // the folder in the store; no cluster has such a name
	trialWithin  = 2 * time.Minute // far more than it takes, for machines that are busy

	// The parts of a trial that come before machine.TrialParts.
	trialDisks     = "disks of clusters"
	trialContainer = "container"
)

// trialParts are all parts, in their order, and what each has shown when it works.
var trialParts = []struct{ name, shown string }{
	{trialDisks, "File systems in files were mounted by loop devices"},
	{trialContainer, "The pack's runc made a cluster's container with namespaces, mapped ids and limits"},
	{machine.TrialGroups, "Groups with limits of their own were made below it"},
	{machine.TrialFiles, "The pack's files were changed in an overlay of the cluster's own"},
	{machine.TrialSpaces, "A node's namespaces were made in it"},
	{machine.TrialNetwork, "A bridge was laid, and a node was reached across it"},
	{machine.TrialRules, "Rules of services and network policies were set"},
}

// trial makes a cluster of this pack that runs nothing, with all that a machine
// may refuse, and removes it. It returns what each part showed, in order: parts
// that were not come to are missing. It waits for another program's trial in the
// same data directory.
func (p *Provider) trial(ctx context.Context, from *pack.Pack) (parts []machine.TrialPart, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, trialWithin, errors.New("the trial took too long"))
	defer cancel()
	lock, err := os.OpenFile(filepath.Join(p.store.dir, trialCluster+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := provisioner.Lock(ctx, lock, nil); err != nil {
		return nil, fmt.Errorf("wait for another trial: %w", err)
	}
	r := record{Name: trialCluster, Layout: layout, State: provisioner.Creating, Pack: from.Dir(), Container: p.store.container(trialCluster), CreatedAt: time.Now().UTC()}
	if err := p.destroy(ctx, r); err != nil { // of an earlier one that was killed
		return nil, fmt.Errorf("remove what an earlier trial has left: %w", err)
	}
	plan, err := machine.Plan("trial", from.Manifest().Kubernetes, 0)
	if err != nil {
		return nil, err
	}
	plan.Trial = true
	b := &build{Provider: p, record: r, plan: plan}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupWithin)
		defer cancel()
		if left := p.destroy(cleanup, b.record); left != nil {
			err = errors.Join(err, fmt.Errorf("remove the trial: %w", left))
		}
	}()
	if err := p.store.begin(b.record); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		part string
		do   func(context.Context) error
	}{{trialDisks, b.tryDisks}, {trialContainer, func(ctx context.Context) error { return b.tryContainer(ctx, from) }}} {
		start := time.Now()
		part := machine.TrialPart{Part: step.part}
		failed := step.do(ctx)
		if failed != nil {
			if ctx.Err() != nil {
				failed = context.Cause(ctx) // else it is what was ended
			}
			part.Error = failed.Error()
		}
		part.Took = time.Since(start)
		if parts = append(parts, part); failed != nil {
			return parts, nil
		}
	}
	inside, err := b.awaitTrial(ctx)
	return append(parts, inside...), err
}

func (b *build) tryDisks(ctx context.Context) error {
	return b.makeDisks(ctx, b.store.folder(b.record.Name))
}

func (b *build) tryContainer(ctx context.Context, from *pack.Pack) (err error) {
	folder := b.store.folder(b.record.Name)
	if b.record.IDs, err = takeIDs(b.options.RunDir, folder); err != nil {
		return err
	}
	if err := errors.Join(from.Keep(folder), b.writeCluster(folder)); err != nil {
		return err
	}
	return b.start(ctx, from)
}

// awaitTrial waits until the trial's first process has ended and returns the parts
// that it came to.
func (b *build) awaitTrial(ctx context.Context) ([]machine.TrialPart, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil && b.record.Process.alive() {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	var parts []machine.TrialPart
	text, err := b.store.readInside(b.record.Name, machine.TrialFile)
	if err == nil {
		err = json.Unmarshal(text, &parts)
	}
	switch {
	case ctx.Err() != nil:
		return parts, context.Cause(ctx)
	case err != nil || len(parts) < len(machine.TrialParts):
		return parts, errors.Join(b.withLog(b.record.Name, errors.New("it ended early")), err)
	}
	return parts, nil
}

// trialFindings says for people what a trial has shown.
func trialFindings(parts []machine.TrialPart, err error) []host.Finding {
	var findings []host.Finding
	failed, took := false, time.Duration(0)
	for i, part := range trialParts {
		if i >= len(parts) {
			break
		}
		took += parts[i].Took
		if parts[i].Error != "" {
			failed = true
			findings = append(findings, host.Found(part.name, host.Failure, "This was tried and failed: "+printable(parts[i].Error)+".", remedy(part.name, parts[i].Error)))
			continue
		}
		findings = append(findings, host.Found(part.name, host.OK, fmt.Sprintf("%s (%.2f s).", part.shown, parts[i].Took.Seconds()), ""))
	}
	switch {
	case err != nil:
		next := "Look at the last lines of dmesg for what the kernel refused."
		message := "A small cluster was tried and failed: " + err.Error() + "."
		if len(parts) < len(trialParts) && !failed {
			message = fmt.Sprintf("A small cluster was tried and failed while it came to %s: %v.", trialParts[len(parts)].name, err)
			next = remedy(trialParts[len(parts)].name, err.Error())
		}
		findings = append(findings, host.Found(trialName, host.Failure, message, next))
	case !failed:
		findings = append(findings, host.Found(trialName, host.OK, fmt.Sprintf("Clusters can be made here: all that they need was made and removed again (%.1f s).", took.Seconds()), ""))
	}
	return findings
}

// remedies are what to do about errors of parts of a trial: of the first row whose
// words are in the error.
var remedies = []struct {
	part  string // "" is any
	words []string
	next  string
}{
	{trialDisks, []string{"mkfs.ext4", "no mount", "executable file not found"}, "Install e2fsprogs and mount (Debian's names of the packages)."},
	{trialDisks, []string{"loop"}, "sudo modprobe loop. In a container: give it /dev/loop-control and the loop devices, as docker run --privileged does."},
	{trialDisks, []string{"unknown filesystem type", "no such device"}, "sudo modprobe ext4 erofs. Where a module is not there, install the rest of the kernel's: linux-modules-extra-$(uname -r) on Ubuntu, kernel-modules on Fedora."},
	{"", []string{"too many open files"}, "No inotify instance or open file is left: sudo sysctl fs.inotify.max_user_instances=8192 fs.file-max=1000000"},
	{trialDisks, []string{"no space left"}, "Make room in the data directory, or choose another: --data."},
	{"", []string{"no space left", "user namespaces"}, "A limit on namespaces is reached: sudo sysctl user.max_user_namespaces=15000 user.max_mnt_namespaces=15000 user.max_net_namespaces=15000 user.max_pid_namespaces=15000"},
	{trialContainer, []string{"dbus", "start unit", "systemd"}, "systemd makes no scopes: `systemctl is-system-running` and `journalctl -b -u dbus` say more."},
	{trialContainer, []string{"idmap", "id-map", "mount_setattr", "map mount"}, "The pack lies on a file system that maps no ids. Put it on ext4, xfs or btrfs: --pack-cache."},
	{"", []string{"controller"}, "The kernel or systemd keeps this controller back. Remove cgroup_disable=… from the kernel's command line (on a Raspberry Pi, add cgroup_enable=memory to it); in a container, start it with --cgroupns=private --privileged."},
	{"", []string{"cgroup", "control group"}, "In a container: start it as docker run --privileged does, with /sys/fs/cgroup writable. Elsewhere `mount | grep cgroup` shows how control groups are mounted; version 2 is what is wanted."},
	{machine.TrialFiles, []string{"overlay"}, "sudo modprobe overlay. The data directory has to lie on a local file system such as ext4 or xfs, not on another overlay: --data."},
	{machine.TrialNetwork, []string{"not supported", "unknown device type"}, "sudo modprobe bridge veth. Where a module is not there, install the rest of the kernel's: linux-modules-extra-$(uname -r) on Ubuntu, kernel-modules on Fedora."},
	{machine.TrialRules, []string{""}, "sudo modprobe -a nf_tables nft_chain_nat nft_nat nft_masq nft_ct nft_fib_ipv4 nft_numgen nft_reject_ipv4. Where a module is not there, install the rest of the kernel's: linux-modules-extra-$(uname -r) on Ubuntu, kernel-modules on Fedora."},
	{"", []string{"not permitted", "permission denied"}, "Something forbids this to root. In a container: start it as docker run --privileged does. Else a security module may: `sudo dmesg | grep -i denied`."},
}

// remedy is what to do about the error of a trial's part.
func remedy(part, text string) string {
	text = strings.ToLower(text)
	for _, r := range remedies {
		if r.part != "" && r.part != part {
			continue
		}
		for _, words := range r.words {
			if strings.Contains(text, words) {
				return r.next
			}
		}
	}
	return "Look at the last lines of dmesg for what the kernel refused."
}
