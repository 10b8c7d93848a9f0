//go:build machine

package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	suite   = flag.String("suite", "bookworm", "the guest's Debian")
	binary  = flag.String("binary", "", "the program to test")
	pack    = flag.String("pack", "", "an exported runtime pack, as a file")
	debs    = flag.String("debs", "", "a folder with Debian packages to install, instead of the program and the pack")
	short   = flag.Bool("short-form", false, "the doctor, one cluster, its limits and its deletion only")
	within  = flag.Duration("within", 3*time.Hour, "time limit of all that is done in the guest")
	memory  = flag.String("memory", "5G", "the guest's memory")
	uml     = flag.String("uml", "", "a kernel of user-mode Linux to boot instead of QEMU: nothing is emulated, on one processor")
	rebuild = flag.Bool("rebuild", false, "build the guest's disk anew")
)

// TestGuest boots a guest that runs TestInside.
func TestGuest(t *testing.T) {
	guest := buildGuest(t)
	dir := t.TempDir()
	share := filepath.Join(dir, "share.img")
	makeShare(t, share)
	ctx, cancel := context.WithTimeout(t.Context(), *within)
	defer cancel()
	boots := 2
	if *short {
		boots = 1
	}
	output, err := boot(ctx, t, guest, share, dir, boots)
	if err != nil {
		t.Errorf("the guest: %v", err)
	}
	ended := exitStatus.FindAllStringSubmatch(output, -1)
	if len(ended) != boots {
		t.Errorf("the test inside ended %d times, want %d", len(ended), boots)
	}
	for _, end := range ended {
		if end[1] != "0" {
			t.Error("the test inside failed; its output is above")
		}
	}
	if strings.Contains(output, "--- SKIP") {
		t.Error("a part of the test inside was skipped")
	}
}

// buildGuest returns the folder of the guest's disk and kernel, which it keeps for
// later runs.
func buildGuest(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("WHEELHOUSE_GUEST_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(user, "wheelhouse", "guest")
	}
	folder := filepath.Join(cache, *suite)
	built, err := os.Stat(filepath.Join(folder, "disk.img"))
	if err == nil && !*rebuild && !changedSince(t, built.ModTime(), "build-guest", "guest-test", "guest-test.service") {
		return folder
	}
	start := time.Now()
	cmd := exec.CommandContext(t.Context(), "./build-guest", *suite, folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v: %s", err, out)
	}
	t.Logf("built the guest's disk in %.0f s", time.Since(start).Seconds())
	return folder
}

func changedSince(t *testing.T, when time.Time, files ...string) bool {
	t.Helper()
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().After(when) {
			return true
		}
	}
	return false
}

// makeShare makes the guest's second disk.
func makeShare(t *testing.T, image string) {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := func(from, name string) {
		t.Helper()
		from, err := filepath.Abs(from)
		if err == nil {
			err = copyFile(from, filepath.Join(folder, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	link(self, "inside.test")
	if *debs != "" {
		found, err := filepath.Glob(filepath.Join(*debs, "*.deb"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no packages in %s: %v", *debs, err)
		}
		for _, deb := range found {
			link(deb, filepath.Base(deb))
		}
	} else {
		link(*binary, "wheelhouse")
		link(*pack, "pack.tar.zst")
	}
	environment := fmt.Sprintf("MACHINE_TEST=inside\nMACHINE_TEST_SHORT=%t\nMACHINE_TEST_SLOW=%t\nHOME=/root\n", *short, !hasKVM() || *uml != "")
	if err := os.WriteFile(filepath.Join(folder, "environment"), []byte(environment), 0o644); err != nil {
		t.Fatal(err)
	}
	var size int64 = 64 << 20
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size() + info.Size()/16
	}
	file, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-L", "share", "-d", folder, image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func hasKVM() bool {
	file, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	file.Close()
	return true
}

// exitStatus is the last that the test inside prints in each boot (guest-test).
var exitStatus = regexp.MustCompile(`(?m)^guest-test: exit status (\d+)`)

// boot boots the guest, and returns what the test inside printed once the guest is
// switched off after so many boots. The guest's own disk stays as it is.
func boot(ctx context.Context, t *testing.T, guest, share, dir string, boots int) (string, error) {
	t.Helper()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	console := filepath.Join(dir, "console")
	cmd := qemu(ctx, guest, share, dir, console)
	if *uml != "" {
		var err error
		if cmd, err = userModeLinux(ctx, guest, share, dir, console); err != nil {
			return "", err
		}
	}
	var complaint bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &complaint
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var all strings.Builder
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		all.WriteString(line + "\n")
		t.Logf("%5.0f s  %s", time.Since(start).Seconds(), line)
		if end := exitStatus.FindStringSubmatch(line); end != nil {
			if boots--; boots == 0 || end[1] != "0" { // user-mode Linux may run on for ever instead
				off := time.AfterFunc(time.Minute, giveUp)
				defer off.Stop()
				boots = 0
			}
		}
	}
	err = errors.Join(cmd.Wait(), lines.Err())
	if boots == 0 && ctx.Err() != nil {
		t.Log("the guest did not switch itself off within a minute")
		return all.String(), nil
	}
	if err != nil || !strings.Contains(all.String(), "guest-test: exit status") {
		text, _ := os.ReadFile(console)
		t.Logf("%s the last of the guest's console:\n%s", complaint.String(), text[max(0, len(text)-8000):])
	}
	return all.String(), errors.Join(err, ctx.Err())
}

// qemu is the guest as a whole machine: fast with KVM, 10 to 20 times slower without.
func qemu(ctx context.Context, guest, share, dir, console string) *exec.Cmd {
	accelerator := []string{"-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max,la57=off"}
	if hasKVM() {
		accelerator = []string{"-accel", "kvm", "-cpu", "host"}
	}
	args := append([]string{"qemu-system-x86_64", "-M", "q35"}, accelerator...)
	args = append(args, "-smp", "2", "-m", *memory,
		"-kernel", filepath.Join(guest, "vmlinuz"), "-initrd", filepath.Join(guest, "initrd"),
		"-append", "root=/dev/vda rw console=ttyS0 mitigations=off",
		"-drive", "file="+filepath.Join(guest, "disk.img")+",if=virtio,format=raw,cache=unsafe,snapshot=on",
		"-drive", "file="+share+",if=virtio,format=raw,readonly=on",
		"-nic", "none", "-object", "rng-random,id=r,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=r",
		"-display", "none", "-serial", "file:"+console, "-serial", "stdio")
	cmd := exec.CommandContext(ctx, "nice", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // of the disk's changes
	return cmd
}

// userModeLinux is the guest as processes of this machine, under a kernel that
// build-kernel makes. Its memory is a file in /dev/shm.
func userModeLinux(ctx context.Context, guest, share, dir, console string) (*exec.Cmd, error) {
	file, err := os.Create(console)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, *uml, "mem="+*memory, "root=/dev/ubda", "rw",
		"ubd0="+filepath.Join(dir, "changes.cow")+","+filepath.Join(guest, "disk.img"), "ubd1r="+share,
		"con0=null,fd:2", "con=null", "ssl1=null,fd:1", "ssl=null", "umid=guest-"+filepath.Base(dir), "uml_dir="+dir)
	cmd.Stderr = file
	// It is many processes, all of which end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd, nil
}
