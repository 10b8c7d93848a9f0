package kind_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"wheelhouse/labs/terminal"
	"wheelhouse/provisioner/kind"
)

// testWorkstation: what the labs' texts use is there and works.
func testWorkstation(t *testing.T, w workstation) {
	for _, c := range []struct {
		name, script, want string // want is a regular expression
	}{
		{"who", `id -un; hostname; pwd; echo ~`, `^student\nworkstation\n/home/student\n/home/student$`},
		{"nodes", `kubectl get nodes --no-headers`, `(?s)-control-plane +Ready .*-worker +Ready`},
		{"administrator", `kubectl auth can-i '*' '*'`, `^yes$`},
		{"not beyond RBAC", `kubectl auth whoami -o jsonpath='{.status.userInfo.groups}'`, `^\["kubeadm:cluster-admins","system:authenticated"\]$`},
		{"DNS runs", `kubectl -n kube-system rollout status deployment/coredns --timeout=60s`, `successfully rolled out`},
		{"default service account", `kubectl get serviceaccount default -o name`, `^serviceaccount/default$`},
		{"default storage class", `kubectl get storageclass standard -o name`, `^storageclass.storage.k8s.io/standard$`},
		{"tools", `for c in vi nano less curl jq ps ping; do command -v $c || echo no $c; done`, `^(/\S+\n){6}/\S+$`},
		{"editor", `bash -ic 'readlink -f $KUBE_EDITOR' 2>/dev/null`, `/nano$`},
		{"alias", `bash -ic 'alias k; complete -p k kubectl' 2>/dev/null`, `(?s)alias k='kubectl'`},
		{"home can be written", `echo 'echo ran' >s.sh && chmod +x s.sh && ./s.sh && rm s.sh`, `^ran$`},
		{"logs and exec reach nodes", `kubectl -n kube-system logs -l k8s-app=kube-dns --tail=1 >/dev/null && kubectl -n kube-system exec etcd-$(kubectl get nodes -o name | grep control | cut -d/ -f2) -- etcdctl version 2>&1 | head -1`, `etcd`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, exit := w.run(c.script)
			if !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("%s: exit code %d, got %q, want a match of %s", c.script, exit, got, c.want)
			}
		})
	}
}

// testWalls: what a student tries to get beyond the workstation.
func testWalls(t *testing.T, p *kind.Provider, w workstation, other string) {
	access, err := p.Access(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Fields(docker(t, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}", other+"-control-plane"))
	port := access.Server[strings.LastIndex(access.Server, ":")+1:]
	curl := `curl -skS --max-time 3 -o /dev/null -w reached `
	for _, c := range []struct{ name, script string }{
		{"write to the system", `touch /usr/x || touch /etc/x || touch /x || touch /run/x || touch /var/tmp/x`},
		{"su", `echo | su -c id`},
		{"sudo", `sudo -n id`},
		{"set-user-id programs", `test -n "$(find / -xdev -perm /6000 -type f 2>/dev/null)"`},
		{"capabilities", `! grep -q 'CapEff:\s*0000000000000000' /proc/self/status`},
		{"new privileges", `! grep -q 'NoNewPrivs:\s*1' /proc/self/status`},
		{"a user namespace", `unshare --user --map-root-user id`},
		{"mount", `mount -t tmpfs none /mnt`},
		{"the agent's socket", `curl -s --unix-socket /run/wheelhouse/agent.sock http://agent/ || ls /run/wheelhouse`},
		{"the agent's process", `cat /proc/1/environ || cat /proc/1/mem || kill -9 1 || ls /proc/1/fd`},
		{"the engine's socket", `test -e /var/run/docker.sock || test -e /run/docker.sock || test -e /run/containerd`},
		{"host devices", `test -n "$(find /dev -type b)" || dd if=/dev/mem bs=1 count=1`},
		{"a node's programs", `command -v kubeadm || command -v kubelet || command -v ctr || command -v runc || command -v containerd`},
		{"a node's state", `ls /kind || ls /var/lib/containerd || ls /var/lib/kubelet || ls /etc/kubernetes`},
		{"kernel settings", `echo 1 >/proc/sys/kernel/panic || echo 1 >/sys/kernel/uevent_helper`},
		{"another cluster by name", curl + "https://" + other + "-control-plane:6443/"},
		{"another cluster by address", curl + "https://" + address[0] + ":6443/"},
		{"another cluster by its gateway", curl + "https://" + address[1] + ":" + port + "/"},
		{"another cluster by this machine", curl + "https://$(ip route show default | cut -d' ' -f3):" + port + "/"},
		{"fill the disk", `dd if=/dev/zero of=~/big bs=1M count=300; r=$?; rm -f ~/big; exit $r`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, exit := w.run(c.script); exit == 0 {
				t.Errorf("%s: want it to fail, got %q", c.script, got)
			}
		})
	}
}

// testForkBomb: the workstation bears it, and the agent still answers.
func testForkBomb(t *testing.T, w workstation) {
	w.run(`setsid bash -c 'b() { b | b & }; b' >/dev/null 2>&1 & sleep 3`)
	result, err := terminal.Run(t.Context(), w.dial, terminal.RunRequest{
		Command: []string{"bash", "-c", "pkill -9 -u student; echo $?"}, Timeout: 30 * time.Second,
	})
	if err != nil {
		t.Fatalf("the agent cannot end the fork bomb: %v", err)
	}
	t.Logf("pkill: %s%s", result.Stdout, result.Stderr)
	deadline := time.Now().Add(time.Minute)
	for {
		result, err := terminal.Run(t.Context(), w.dial, terminal.RunRequest{Command: []string{"kubectl", "get", "nodes"}, User: true, Timeout: 30 * time.Second})
		if err == nil && result.ExitCode == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the workstation has not recovered in a minute: %v %+v", err, result)
		}
		_, _ = terminal.Run(t.Context(), w.dial, terminal.RunRequest{Command: []string{"pkill", "-9", "-u", "student"}, Timeout: 30 * time.Second})
	}
}

// testTerminal types into a terminal as a browser does: Tab completes, and
// `kubectl edit` opens nano.
func testTerminal(t *testing.T, w workstation) {
	conn, err := terminal.Attach(t.Context(), w.dial, terminal.AttachRequest{Terminal: "main", Cols: 120, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	screen := make(chan []byte, 1024)
	go func() {
		defer close(screen)
		for {
			frame, err := conn.Read()
			if err != nil {
				return
			}
			if frame.Kind == terminal.FrameOutput {
				screen <- bytes.Clone(frame.Payload)
			}
		}
	}()
	var seen bytes.Buffer
	expect := func(pattern string) {
		t.Helper()
		want := regexp.MustCompile(pattern)
		timeout := time.After(30 * time.Second)
		for !want.Match(seen.Bytes()) {
			select {
			case some, open := <-screen:
				if !open {
					t.Fatalf("the terminal ended; want %s in %q", pattern, seen.String())
				}
				seen.Write(some)
			case <-timeout:
				t.Fatalf("no %s in %q", pattern, seen.String())
			}
		}
		seen.Next(want.FindIndex(seen.Bytes())[1])
	}
	keys := func(text string) {
		t.Helper()
		if err := conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	expect(regexp.QuoteMeta("student@workstation") + `.*~.*\$ `)
	keys("k get storageclas\t")
	expect(`storageclasses\.storage\.k8s\.io`)
	keys("\r")
	expect(`standard \(default\)`)
	keys("kubectl edit namespace default\r")
	expect(`GNU nano`)
	keys("\x18")
	expect(`Edit cancelled, no changes made`)
	keys(fmt.Sprintf("echo %s\r", `"$USER:$HOME:$TERM"`))
	expect(`student:/home/student:xterm-256color`)
}
