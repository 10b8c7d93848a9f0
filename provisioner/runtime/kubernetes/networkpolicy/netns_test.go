package networkpolicy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"sigs.k8s.io/knftables"
)

// inside is set in the process that has namespaces of its own: whatever a test
// makes there is gone with it.
const inside = "WHEELHOUSE_TEST_IN_NAMESPACES"

// inNamespaces runs a test in network and mount namespaces of its own, as the real
// root and as the root of a user namespace, which is what a cluster has. It tells
// whether this process is one of those.
func inNamespaces(t *testing.T) bool {
	if os.Getenv(inside) != "" {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(t, unix.Mount("tmpfs", "/run", "tmpfs", 0, ""))
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network policies in a kernel need root")
	}
	for _, program := range []string{"nft", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: network policies in a kernel need the program %s", program)
		}
	}
	self, err := os.Open("/proc/self/exe")
	must(t, err)
	defer self.Close()
	for _, mode := range []string{"root", "root of a user namespace"} {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$", "-test.v", "-test.timeout=5m")
			cmd.ExtraFiles = []*os.File{self} // its folder may be closed to the root of a user namespace
			cmd.Env = append(os.Environ(), inside+"="+mode)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
			if mode != "root" {
				ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 200000, Size: 65536}}
				cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
				cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
				cmd.SysProcAttr.GidMappingsEnableSetgroups = true
				cmd.SysProcAttr.Credential = &syscall.Credential{}
			}
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, stdin, name string, args ...string) {
	t.Helper()
	must(t, command(stdin, name, args...))
}

// command's error has what the command printed.
func command(stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdin, out)
	}
	return nil
}

// netns is a network namespace by the name that ip has for it.
type netns string

// do runs f on a thread in the namespace. Sockets that f makes stay there; so do
// the processes that it starts.
func (n netns) do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		file, err := os.Open("/run/netns/" + string(n))
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			file.Close()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// nftIn is nft in a namespace.
type nftIn struct {
	knftables.Interface
	ns netns
}

func newNFT(t *testing.T, ns netns) nftIn {
	n := nftIn{ns: ns}
	must(t, ns.do(func() (err error) {
		n.Interface, err = knftables.New(knftables.InetFamily, "network-policy")
		return err
	}))
	return n
}

func (n nftIn) Run(ctx context.Context, tx *knftables.Transaction) error {
	err := n.ns.do(func() error { return n.Interface.Run(ctx, tx) })
	if err != nil {
		return fmt.Errorf("%w in\n%s", err, tx)
	}
	return nil
}
