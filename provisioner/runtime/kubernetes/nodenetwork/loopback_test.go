package nodenetwork_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/runtime/kubernetes/nodenetwork"
)

// insideVariable is set in the process that has namespaces of its own.
const insideVariable = "WHEELHOUSE_TEST_IN_NAMESPACES"

// proxyRules are what kube-proxy's mode nftables has of a NodePort, but for what does
// not matter here.
const proxyRules = `
table ip kube-proxy {
	set nodeport-ips { type ipv4_addr; elements = { 172.30.0.2 }; }
	map service-nodeports { type inet_proto . inet_service : verdict; }
	chain external { meta mark set meta mark | 0x4000; meta l4proto tcp dnat to 10.244.0.5:80; }
	chain services { ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports; }
	chain nat-output { type nat hook output priority -100; jump services; }
	chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
	chain nat-postrouting { type nat hook postrouting priority 100; meta mark & 0x4000 == 0x4000 masquerade; }
}`

// network makes a node with the address 172.30.0.2 of this namespace, and a pod.
const network = `set -e
mount -t tmpfs none /run; mkdir /run/netns
ip link set lo up; ip addr add 172.30.0.2/32 dev lo
ip netns add pod; ip link add veth0 type veth peer name eth0 netns pod
ip addr add 10.244.0.1/24 dev veth0; ip link set veth0 up
ip -n pod link set lo up; ip -n pod addr add 10.244.0.5/24 dev eth0; ip -n pod link set eth0 up; ip -n pod route add default via 10.244.0.1
# The pod takes 127.0.0.1 for an address of the node's.
ip netns exec pod sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
ip -n pod addr flush dev lo
ip -n pod route add 127.0.0.1/32 via 10.244.0.1 dev eth0 src 10.244.0.5
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/veth0/rp_filter`

// TestLoopback: a NodePort answers on the node's loopback addresses while kube-proxy
// has endpoints for it, is refused there otherwise, and no one beside the node reaches
// what listens on them.
func TestLoopback(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		inNamespaces(t)
		return
	}
	shell(t, network)
	nft(t, proxyRules)
	podListener := listen(t, "pod", "10.244.0.5:80")
	go greet(podListener, "a pod")
	local := listen(t, "", "127.0.0.1:9999")
	go greet(local, "a process of the node's")

	if got, err := ask("", "127.0.0.1:30080"); err == nil {
		t.Fatalf("before it is led anywhere, a NodePort answers on localhost: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- nodenetwork.KeepLoopback(ctx, slog.New(slog.DiscardHandler)) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("got %v, want nil when the context ends", err)
		}
	}()
	for range 2 { // a NodePort comes and goes, and comes again
		nft(t, "add element ip kube-proxy service-nodeports { tcp . 30080 : goto external }")
		for _, address := range []string{"127.0.0.1:30080", "127.8.8.8:30080", "172.30.0.2:30080"} {
			awaitAnswer(t, address, "a pod")
		}
		nft(t, "delete element ip kube-proxy service-nodeports { tcp . 30080 }")
		awaitAnswer(t, "127.0.0.1:30080", "refused")
	}
	awaitAnswer(t, "127.0.0.1:9999", "a process of the node's")
	if got, err := ask("pod", "127.0.0.1:9999"); err == nil {
		t.Errorf("a pod reaches the node's localhost: %q", got)
	}
	// So that it is the rules that keep it out, and not a mistake of this test.
	nft(t, "flush chain ip wheelhouse-nodeports prerouting")
	if got, err := ask("pod", "127.0.0.1:9999"); err != nil || got != "a process of the node's" {
		t.Errorf("without the rules, a pod gets %q, %v", got, err)
	}
}

// inNamespaces runs the test in namespaces of its own, as the root of a user
// namespace, which is what a node has.
func inNamespaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: rules in a kernel need root")
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.ExtraFiles = []*os.File{self} // its folder may be closed to the root of a user namespace
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 200000, Size: 65536}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUSER,
		UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true, Credential: &syscall.Credential{}, Pdeathsig: unix.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func shell(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func nft(t *testing.T, rules string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// within calls f on a thread in the network namespace, "" for this one.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		file, err := os.Open("/run/netns/" + namespace)
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

func listen(t *testing.T, namespace, address string) (listener net.Listener) {
	t.Helper()
	if err := within(namespace, func() (err error) { listener, err = net.Listen("tcp4", address); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// greet says who it is to all that connect, until the listener is closed.
func greet(listener net.Listener, name string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, name)
		conn.Close()
	}
}

func ask(namespace, address string) (answer string, err error) {
	err = within(namespace, func() error {
		conn, err := net.DialTimeout("tcp4", address, 2*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		text, err := io.ReadAll(conn)
		answer = string(text)
		return err
	})
	return answer, err
}

// awaitAnswer asks until the answer is the one that is wanted; that of an address where
// nothing listens is "refused".
func awaitAnswer(t *testing.T, address, want string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got, err := ask("", address)
		if err != nil {
			got = fmt.Sprint(err)
			if strings.Contains(got, "refused") {
				got = "refused"
			}
		}
		if got == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s answers %q, want %q", address, got, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
