package workstationtest

// Basics is what the labs' texts use, on a cluster with one worker.
var Basics = []Case{
	{"who", `id -un; hostname; pwd; echo ~`, `^student\nworkstation\n/home/student\n/home/student$`},
	{"nodes", `kubectl get nodes --no-headers`, `(?s)control-plane +Ready .*worker\S* +Ready`},
	{"administrator", `kubectl auth can-i '*' '*'`, `^yes$`},
	{"not beyond RBAC", `kubectl auth whoami -o jsonpath='{.status.userInfo.groups}'`, `^\["kubeadm:cluster-admins","system:authenticated"\]$`},
	{"DNS runs", `kubectl -n kube-system rollout status deployment/coredns --timeout=60s`, `successfully rolled out`},
	{"default service account", `kubectl get serviceaccount default -o name`, `^serviceaccount/default$`},
	{"default storage class", `kubectl get storageclass standard -o name`, `^storageclass.storage.k8s.io/standard$`},
	{"tools", `for c in vi nano less curl jq ps ping; do command -v $c || echo no $c; done`, `^(/\S+\n){6}/\S+$`},
	{"editor", `bash -ic 'readlink -f $KUBE_EDITOR' 2>/dev/null`, `/nano$`},
	{"alias", `bash -ic 'alias k; complete -p k kubectl' 2>/dev/null`, `(?s)alias k='kubectl'`},
	{"home can be written", `echo 'echo ran' >s.sh && chmod +x s.sh && ./s.sh && rm s.sh`, `^ran$`},
	{"logs reach nodes", `kubectl -n kube-system logs -l k8s-app=kube-dns --tail=1 >/dev/null && echo logs`, `logs$`},
}

// Walls is what a student tries to get beyond the workstation.
var Walls = []Case{
	{Name: "write to the system", Script: `touch /usr/x || touch /etc/x || touch /x || touch /run/x || touch /var/tmp/x`},
	{Name: "su", Script: `echo | su -c id`},
	{Name: "sudo", Script: `sudo -n id`},
	{Name: "set-user-id programs", Script: `test -n "$(find / -xdev -perm /6000 -type f 2>/dev/null)"`},
	{Name: "capabilities", Script: `! grep -q 'CapEff:\s*0000000000000000' /proc/self/status`},
	{Name: "new privileges", Script: `! grep -q 'NoNewPrivs:\s*1' /proc/self/status`},
	{Name: "a user namespace", Script: `unshare --user --map-root-user id`},
	{Name: "mount", Script: `mount -t tmpfs none /mnt`},
	{Name: "the agent's socket", Script: `curl -s --unix-socket /run/wheelhouse/agent.sock http://agent/ || ls /run/wheelhouse`},
	{Name: "the agent's process", Script: `cat /proc/1/environ || cat /proc/1/mem || kill -9 1 || ls /proc/1/fd`},
	{Name: "the engine's socket", Script: `test -e /var/run/docker.sock || test -e /run/docker.sock || test -e /run/containerd`},
	{Name: "host devices", Script: `test -n "$(find /dev -type b)" || dd if=/dev/mem bs=1 count=1`},
	{Name: "a node's programs", Script: `command -v kubeadm || command -v kubelet || command -v ctr || command -v runc || command -v containerd`},
	{Name: "a node's state", Script: `ls /kind || ls /cluster || ls /pack || ls /var/lib/containerd || ls /var/lib/kubelet || ls /etc/kubernetes`},
	{Name: "kernel settings", Script: `echo 1 >/proc/sys/kernel/panic || echo 1 >/sys/kernel/uevent_helper`},
	{Name: "fill the disk", Script: `dd if=/dev/zero of=~/big bs=1M count=300; r=$?; rm -f ~/big; exit $r`},
}

// Curl reaches for a URL that follows it; it fails where no server answers.
const Curl = `curl -skS --max-time 3 -o /dev/null -w reached `
