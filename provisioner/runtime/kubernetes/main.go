// Command kubernetes is all of Kubernetes' components, and etcd, in one program:
// kubernetes kubelet …, or a link named kubelet. One program shares its code on
// the disk and in memory, and is built once. It also knows control-plane, which
// runs the parts of a control plane in one process, node-network, which enforces
// network policies beside kube-proxy, and pod-network, which nodes of kind are
// given.
//
// It is a part of the runtime pack; package embedded starts it.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"

	"wheelhouse/provisioner/runtime/kubernetes/nodenetwork"
	"wheelhouse/provisioner/runtime/kubernetes/podnetwork"
)

// components run with os.Args as each would have it, and return its exit status.
var components = map[string]func() int{
	"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubelet":                 runKubelet,
	"kube-proxy":              func() int { return cli.Run(proxy.NewProxyCommand()) },
	"kubeadm":                 func() int { kubeadmutil.HandleError(kubeadm.Run()); return 0 },
	"kubectl":                 runKubectl,
	"control-plane":           func() int { settle(); return runControlPlane() },
	"node-network":            func() int { settle(); return nodenetwork.RunNodeNetwork() },
	"pod-network":             func() int { settle(); return podnetwork.RunPodNetwork() },
}

func main() {
	name := filepath.Base(os.Args[0])
	run := components[name]
	if run == nil && len(os.Args) > 1 {
		name = os.Args[1]
		if run = components[name]; run != nil {
			os.Args = os.Args[1:]
		}
	}
	if run == nil {
		known := slices.Sorted(maps.Keys(components))
		fmt.Fprintf(os.Stderr, "usage: kubernetes COMPONENT [ARGUMENT…]\ncomponents: %s\n", strings.Join(known, ", "))
		os.Exit(2)
	}
	os.Exit(run())
}

func runKubectl() int {
	// kubectl logs while it looks for its plug-ins, before it reads its flags.
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err) // prints it and exits
	}
	return 0
}
