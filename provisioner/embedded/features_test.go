package embedded_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"wheelhouse/labs/terminal/workstationtest"
)

// feature is something that works on kind, so it works here. Its script runs on
// the workstation in a namespace of its own, where its files are applied first.
type feature struct {
	name   string
	files  []string // of testdata/features: the first is applied, the others lie in the folder
	script string
	want   string // a regular expression
}

// prelude stops a script at its first command that fails, and gives it a
// namespace and the function try: SECONDS COMMAND… runs until it works.
const prelude = `set -eo pipefail; trap 'echo "failed: $BASH_COMMAND"' ERR
try() { local end=$((SECONDS + $1)); shift; until "$@"; do ((SECONDS < end)) || { echo "gave up: $*"; return 1; }; sleep 0.2; done; }
shows() { local want=$1; shift; [[ $("$@" 2>&1) =~ $want ]]; }
`

var features = []feature{
	{"jobs", []string{"jobs.yaml"}, `kubectl wait --for=condition=Complete job/once --timeout=90s
		kubectl logs -l job-name=once | sort | uniq -c
		try 90 shows clock kubectl get jobs -o name
		kubectl wait --for=condition=Complete $(kubectl get jobs -o name | grep clock | head -1) --timeout=60s`, `(?s)2 ran.*job.batch/clock-\d+ condition met`},
	// What a debugging container prints before kubectl is attached, or after its input has ended, is lost on every
	// cluster: so these print again and again, and their input never ends.
	{"logs, exec, cp, port-forward, debug", []string{"web.yaml"}, `kubectl wait --for=condition=Ready pod/web --timeout=90s
		kubectl logs web -c web >/dev/null; kubectl exec web -c web -- nginx -v 2>&1
		echo copied >f; kubectl cp f web:/tmp/f -c web; kubectl exec web -c web -- cat /tmp/f; kubectl cp web:/tmp/f g -c web 2>/dev/null; cat g
		kubectl port-forward pod/web 18080:80 >/dev/null & forward=$!
		try 20 shows 'Welcome to nginx' curl -s localhost:18080; kill $forward; echo forwarded
		mkfifo open && exec 9<>open
		debug() { kubectl debug -q -i --image=busybox:1.36 "$@" <&9 || :; }
		debug web --target=web -- sh -c 'while sleep 1; do ps; done' | grep -m1 -o 'nginx: master'
		debug node/worker-1 -- chroot /host sh -c 'while sleep 1; do hostname; ls /etc/kubernetes/kubelet.conf; done' | grep -m2 -E '^(worker-1|/etc/kubernetes/kubelet.conf)'`,
		`(?s)nginx/1\.2.*copied\n.*copied\nforwarded\n.*nginx: master\n.*worker-1\n/etc/kubernetes/kubelet.conf`},
	{"volumes outlive pods", []string{"volume.yaml", "reader.yaml"}, `kubectl wait --for=jsonpath={.status.phase}=Succeeded pod/writer --timeout=90s
		kubectl delete pod writer; kubectl apply -f reader.yaml
		kubectl wait --for=jsonpath={.status.phase}=Succeeded pod/reader --timeout=90s; kubectl logs reader`, `kept$`},
	{"services", []string{"services.yaml"}, `kubectl rollout status daemonset/web --timeout=90s; kubectl wait --for=condition=Ready pod/client --timeout=60s
		try 30 shows 'Welcome' kubectl exec client -- timeout 5 wget -qO- http://web
		try 30 shows 'Welcome' kubectl exec client -- timeout 5 wget -qO- http://web.$NAMESPACE.svc.cluster.local
		test $(kubectl exec client -- nslookup headless.$NAMESPACE.svc.cluster.local | grep -c 'Address: 10.244') = 2
		port=$(kubectl get service outside -o jsonpath={.spec.ports[0].nodePort})
		for node in control-plane worker-1; do try 30 shows Welcome curl -s --max-time 2 http://$node:$port; echo $node answers; done
		try 30 shows '172.30.255' kubectl get service balanced -o jsonpath={.status.loadBalancer.ingress[0].ip}
		try 30 shows Welcome curl -s --max-time 2 http://$(kubectl get service balanced -o jsonpath={.status.loadBalancer.ingress[0].ip}); echo balanced`,
		`(?s)control-plane answers\nworker-1 answers\nbalanced$`},
	// On the node itself and in pods of its network, as with kind; and not for anyone beside it.
	{"node ports on localhost", []string{"services.yaml", "local.yaml"}, `kubectl apply -f local.yaml >/dev/null; kubectl rollout status daemonset/web --timeout=90s >/dev/null
		kubectl wait --for=condition=Ready pod --all --timeout=60s >/dev/null
		port=$(kubectl get service outside -o jsonpath={.spec.ports[0].nodePort})
		at() { kubectl exec $1 -- timeout 5 wget -qO- http://localhost:$2; }
		for pod in on-worker on-control-plane; do try 30 shows Welcome at $pod $port; echo $pod reaches it; done
		kubectl patch service outside -p '{"spec":{"selector":{"app":"none"}}}' >/dev/null
		try 30 shows 'refused' at on-worker $port; echo refused with no endpoints
		kubectl patch service outside -p '{"spec":{"selector":{"app":"web"}}}' >/dev/null; try 30 shows Welcome at on-worker $port`,
		`(?s)on-worker reaches it\non-control-plane reaches it\nrefused with no endpoints`},
	// A busy machine can make an allowed request miss its 2 s, so these are waited for; a refused one never passes.
	{"network policies", []string{"policy-pods.yaml", "policy-deny.yaml", "policy-allow.yaml"}, `kubectl wait --for=condition=Ready pod --all --timeout=90s >/dev/null
		ip=$(kubectl get pod server -o jsonpath={.status.podIP})
		reach() { for p in friend-near friend-far stranger-near stranger-far; do kubectl exec $p -- timeout 2 wget -qO- http://$ip >/dev/null 2>&1 && echo -n $p+ || echo -n $p-; done; echo; }
		all='friend-near+friend-far+stranger-near+stranger-far+' none='friend-near-friend-far-stranger-near-stranger-far-' friends='friend-near+friend-far+stranger-near-stranger-far-'
		is() { now=$(reach); [[ $now == "$1" ]]; }; becomes() { try 60 is "$1" || { echo "last: $now"; return 1; }; echo "$now"; }
		becomes $all
		kubectl apply -f policy-deny.yaml >/dev/null; becomes $none; reach
		kubectl apply -f policy-allow.yaml >/dev/null; becomes $friends`,
		`^friend-near\+friend-far\+stranger-near\+stranger-far\+
friend-near-friend-far-stranger-near-stranger-far-
friend-near-friend-far-stranger-near-stranger-far-
friend-near\+friend-far\+stranger-near-stranger-far-$`},
	// As with kubeadm: while there are workers, nothing runs on the control plane that does not say so.
	{"control plane's taint", []string{"web.yaml"}, `kubectl get node control-plane -o jsonpath='{.spec.taints[*].key} {.spec.taints[*].effect}{"\n"}'
		kubectl wait --for=condition=Ready pod/web --timeout=90s >/dev/null; kubectl get pod web -o jsonpath='{.spec.nodeName}{"\n"}'
		kubectl run wants --image=busybox:1.36 --overrides='{"spec":{"nodeSelector":{"kubernetes.io/hostname":"control-plane"}}}' -- sleep 1000 >/dev/null
		try 30 shows 'untolerated taint' kubectl get pod wants -o jsonpath='{.status.conditions[0].message}'
		for app in kube-dns metrics-server; do kubectl get pods -n kube-system -l k8s-app=$app -o jsonpath='{.items[*].spec.nodeName}{"\n"}'; done`,
		`(?s)^node-role.kubernetes.io/control-plane NoSchedule\nworker-1\n.*control-plane\n(control-plane|worker-1)$`},
	{"stateful set", []string{"statefulset.yaml"}, `kubectl rollout status statefulset/db --timeout=120s
		try 30 shows PONG kubectl exec db-1 -- redis-cli -h db-0.db ping; kubectl exec db-0 -- redis-cli -h db-1.db set a b
		kubectl get pvc -o name`, `(?s)OK\n.*data-db-0\n.*data-db-1$`},
	{"configuration, init containers, memory volumes", []string{"config.yaml"}, `kubectl wait --for=jsonpath={.status.phase}=Succeeded pod/reader --timeout=90s; kubectl logs reader -c c`,
		`blueprepared\nhidden blue hidden (control-plane|worker-1)\ntmpfs$`},
	{"probes", []string{"probes.yaml"}, `kubectl wait --for=condition=Ready pod/good --timeout=90s
		try 60 shows 'Readiness probe failed: HTTP probe failed with statuscode: 404' kubectl get events
		kubectl get pod bad -o jsonpath={.status.containerStatuses[0].ready}
		try 60 shows '[1-9]' kubectl get pod dying -o jsonpath={.status.containerStatuses[0].restartCount}`, `false$`},
	{"memory limit", []string{"limits.yaml"}, `try 90 shows 'OOMKilled 137' kubectl get pod greedy -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}'; echo killed`, `killed$`},
	{"users, groups, seccomp", []string{"identity.yaml"}, `try 90 shows 'Failed|Succeeded' kubectl get pod someone -o jsonpath={.status.phase}; kubectl logs someone`,
		`1234\n1234:4321\nSeccomp:\s+2\ntouch: /x: Read-only file system$`},
	{"user namespaces of pods", nil, `kubectl run mapped --image=busybox:1.36 --overrides='{"spec":{"hostUsers":false}}' -- sleep 1000 2>&1
		try 60 shows FailedCreatePodSandBox kubectl get events --field-selector involvedObject.name=mapped; kubectl get pod mapped -o jsonpath={.status.phase}`,
		`(?s)Warning: spec.hostUsers: false does not work on this cluster.*Pending$`},
	{"privileged pods", []string{"privileged.yaml"}, `try 90 shows 'Failed|Succeeded' kubectl get pod root -o jsonpath={.status.phase}; kubectl logs root`,
		`kubernetes kubelet\n172.30.0.3\nmounted\napiVersion: kubelet.config.k8s.io/v1beta1$`},
	// Those tagged latest are always pulled; one that is not there is not found, as anywhere.
	{"images", []string{"images.yaml"}, `kubectl wait --for=condition=Ready pod/all --timeout=90s
		kubectl get pod all -o jsonpath='{.status.containerStatuses[*].restartCount}{"\n"}'
		kubectl run missing --image=nginx:9.9
		try 60 shows 'ErrImagePull|ImagePullBackOff' kubectl get pod missing; kubectl get events --field-selector involvedObject.name=missing`,
		`(?s)\n0 0 0 0\n.*docker.io/library/nginx:9.9: not found`},
	{"metrics", []string{"scaled.yaml"}, `try 150 kubectl top nodes 2>/dev/null; try 60 kubectl top pods -A 2>/dev/null | grep -c kube-system
		kubectl autoscale deployment web --cpu=80% --min=1 --max=2
		try 120 shows averageUtilization kubectl get hpa web -o jsonpath={.status.currentMetrics}; echo scaled by metrics`,
		`(?s)control-plane +\d+m.*worker-1 +\d+m.*scaled by metrics$`},
	// The API server makes its descriptions when they are asked for; custom resources and aggregated APIs add theirs.
	{"explain, server-side apply", []string{"boats.yaml", "boat.yaml"}, `kubectl explain pod.spec.nodeName | grep -o 'FIELD: nodeName'
		kubectl explain deployment.spec.replicas --output=plaintext-openapiv2 | grep -o 'replicas <integer>'
		kubectl wait --for=condition=Established crd/boats.example.org --timeout=30s >/dev/null
		try 30 shows 'How many sails' kubectl explain boat.spec.sails; echo boats explained
		try 150 shows 'VERSION: *v1beta1' kubectl explain nodes --api-version=metrics.k8s.io/v1beta1; echo metrics explained
		try 30 kubectl apply --server-side -f boat.yaml >/dev/null 2>&1; sed -i 's/"3"/"4"/' boat.yaml
		{ kubectl apply --server-side --field-manager=another -f boat.yaml 2>&1 || :; } | grep -o 'conflict with "kubectl": .data.depth'
		kubectl apply --server-side --force-conflicts -f boat.yaml >/dev/null; kubectl get configmap harbour -o jsonpath='{.data.depth}{"\n"}'
		sed 's/sails: 1/sails: many/' boat.yaml >wrong.yaml; { kubectl apply -f wrong.yaml 2>&1 || :; } | grep -o 'must be of type integer'
		kubectl run typo --image=nginx:1.28 --dry-run=client -o json | sed 's/restartPolicy/restartPolice/' >typo.json; { kubectl create -f typo.json 2>&1 || :; } | grep -o 'unknown field'
		kubectl delete crd boats.example.org >/dev/null; gone() { ! kubectl explain boat; }; try 30 gone >/dev/null 2>&1; echo boats gone`,
		`(?s)FIELD: nodeName\nreplicas <integer>\nboats explained\nmetrics explained\n.*conflict with "kubectl": .data.depth\n4\n.*must be of type integer\n.*unknown field\nboats gone$`},
	{"who may do what", []string{"web.yaml"}, `kubectl create role reader --verb=get,list --resource=pods; kubectl create serviceaccount app
		kubectl create rolebinding app --role=reader --serviceaccount=$NAMESPACE:app
		for what in 'list pods' 'delete pods' 'list nodes'; do kubectl auth can-i $what --as=system:serviceaccount:$NAMESPACE:app || :; done`, `yes\nno\nWarning:[^\n]*\n\n?no$|yes\nno\nno`},
}

// testFeatures tries each of them on a cluster with one worker.
func testFeatures(t *testing.T, w workstationtest.Workstation) {
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.test(t, w)
		})
	}
}

var notInNames = regexp.MustCompile(`[^a-z]+`)

func (f feature) test(t *testing.T, w workstationtest.Workstation) {
	t.Helper()
	namespace := notInNames.ReplaceAllString(f.name, "-")
	script := prelude + "export NAMESPACE=" + namespace + ` KUBECONFIG=~/.kube/` + namespace + `
mkdir -p ~/` + namespace + ` && cd ~/` + namespace + ` && cp ~/.kube/config $KUBECONFIG
kubectl create namespace $NAMESPACE >/dev/null && kubectl config set-context --current --namespace=$NAMESPACE >/dev/null
`
	for _, name := range f.files {
		text, err := os.ReadFile(filepath.Join("testdata/features", name))
		if err != nil {
			t.Fatal(err)
		}
		script += "cat >" + name + " <<'END'\n" + string(text) + "END\n"
	}
	if len(f.files) > 0 {
		script += "try 10 kubectl get serviceaccount default >/dev/null 2>&1; kubectl apply -f " + f.files[0] + " >/dev/null\n"
	}
	got, exit := w.Run(t, script+f.script)
	w.Run(t, "kubectl delete namespace --wait=false "+namespace)
	if exit != 0 || !regexp.MustCompile(f.want).MatchString(got) {
		t.Errorf("exit code %d, got %q, want a match of %s", exit, got, f.want)
	}
}
