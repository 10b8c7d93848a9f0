package workstationtest

import (
	"strings"
	"testing"

	"wheelhouse/labs/terminal"
)

// forge lays everything into a student's home folder that changes what commands
// typed there do: programs, start-up files, settings, and a kubeconfig that shows
// kube-system as if it were the namespace default.
const forge = `set -e
mkdir -p bin .local/bin .config .kube
for name in kubectl kubectl-forged sh bash cat jq curl wget base64 head stat ls test env; do
  printf '#!/bin/bash\necho forged\n' >bin/$name; chmod +x bin/$name; cp bin/$name .local/bin/; cp bin/$name .
done
for name in .bashrc .profile .bash_profile .bash_login; do
  cat >$name <<'END'
export PATH=~/bin:~/.local/bin:.:$PATH ENV=~/.bashrc BASH_ENV=~/.bashrc LD_PRELOAD=~/forged.so KUBECONFIG=~/.kube/config CURL_HOME=~ XDG_CONFIG_HOME=~/.config
kubectl() { echo forged; }
export -f kubectl
alias kubectl='echo forged' cat='echo forged'
END
done
/usr/bin/env kubectl config set-context --current --namespace=kube-system >/dev/null
printf 'write-out = "forged"\noutput = "/dev/null"\n' | tee .curlrc >.config/curlrc
echo 'def length: "forged";' >.jq
cat >.kube/kuberc <<'END'
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
defaults:
- command: get
  options: [{name: output, default: jsonpath=forged}]
END
`

// Forgeries wants what checks run on the workstation to be the workstation's own
// programs, whatever the student has put into the home folder; and each forgery to
// work where a check asks for the student's own environment, so that it is one.
func (w Workstation) Forgeries(t *testing.T) {
	run := terminal.Student(w.Dial, w.kubeconfig)
	if output, exit := w.Run(t, forge); exit != 0 {
		t.Fatalf("lay out the forgeries: %s", output)
	}
	defer w.Run(t, "cd; rm -rf bin .local .config .curlrc .jq .bash* .profile .kube/kuberc; find . -maxdepth 1 -type f -perm -u+x -delete; kubectl config set-context --current --namespace=")
	for _, test := range []struct {
		name, script string
		want, lie    string // what it prints, and what it prints with the student's home; no lie where that is the same
	}{
		{"programs", `for p in kubectl sh bash cat jq curl base64 head stat; do command -v $p; done | grep -v -e ^/usr/bin/ -e ^/bin/ -e ^/usr/local/bin/; echo $PATH`,
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ""},
		{"functions and aliases", `type -t kubectl cat; alias`, "file\nfile", ""},
		{"variables", `echo ${ENV-}${BASH_ENV-}${LD_PRELOAD-}${CURL_HOME-}${XDG_CONFIG_HOME-}`, "", ""},
		{"a shell in a shell", `sh -c 'command -v kubectl; bash -c "type -t cat"' | sed 's|.*/||'`, "kubectl\nfile", ""},
		{"plug-ins", `kubectl forged 2>/dev/null || echo none`, "none", ""},
		{"kubeconfig", `kubectl get deployment coredns -o name 2>/dev/null || echo none`, "none", "deployment.apps/coredns"},
		{"kubeconfig twice", `kubectl get namespace default -o name; kubectl auth whoami -o 'jsonpath={.status.userInfo.username}'`, "namespace/default\nstudent", ""},
		{"kubeconfig is the check's alone", `echo x >>$KUBECONFIG; echo x >$KUBECONFIG; kubectl get namespace default -o name`, "namespace/default", "none"},
		{"kuberc", `kubectl get namespace default --no-headers | cut -d' ' -f1`, "default", "forged"},
		{"curlrc", `curl -s file:///etc/passwd | grep -oE "^student|forged"`, "student", "forged"},
		{"jq", `jq -n '[1, 2] | length'`, "2", `"forged"`},
		{"files of the home", `[ -e bin/kubectl ] && pwd`, "/home/student", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, studentHome := range []bool{false, true} {
				want := test.want
				if studentHome && test.lie != "" {
					want = test.lie
				}
				if studentHome && test.lie == "none" {
					continue // it would break the student's own file
				}
				stdout, stderr, _, err := run(t.Context(), []string{"/bin/bash", "--noprofile", "--norc", "-c", test.script + " 2>/dev/null"}, nil, RunWithin, studentHome)
				if got := strings.TrimSpace(string(stdout)); err != nil || got != want {
					t.Errorf("with the student's home %t: got %q, %v, want %q: %s", studentHome, got, err, want, stderr)
				}
			}
		})
	}
}
