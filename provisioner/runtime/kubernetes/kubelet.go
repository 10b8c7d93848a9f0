package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericapiserver "k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/cli"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"

	"wheelhouse/provisioner/runtime/kubernetes/capacity"
)

// awaitVariable names files that a kubelet waits for, separated like PATH. A node
// starts it before they are there, because the program alone takes a while to start.
const awaitVariable = "WHEELHOUSE_AWAIT"

// runKubelet is kubelet's command, unless the environment says how large the node
// is: then it is the same kubelet with a cAdvisor that says so too.
func runKubelet() int {
	settle()
	for _, file := range filepath.SplitList(os.Getenv(awaitVariable)) {
		for {
			if _, err := os.Stat(file); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	node, err := capacity.FromEnvironment()
	if err == nil && node == (capacity.Capacity{}) {
		return cli.Run(kubelet.NewKubeletCommand(context.Background()))
	}
	if err == nil {
		err = runLimitedKubelet(node, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		return 1
	}
	return 0
}

// runLimitedKubelet does what kubelet's command does, which takes no dependencies.
func runLimitedKubelet(node capacity.Capacity, args []string) error {
	ctx := genericapiserver.SetupSignalContext()
	server, err := kubeletServer(ctx, args)
	if err != nil {
		return err
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(server.FeatureGates); err != nil {
		return err
	}
	logs.InitLogs()
	defer logs.FlushLogs()
	if err := logsapi.ValidateAndApplyAsField(&server.Logging, utilfeature.DefaultFeatureGate, field.NewPath("logging")); err != nil {
		return err
	}
	if err := validation.ValidateKubeletConfiguration(&server.KubeletConfiguration, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	dependencies, err := kubelet.UnsecuredDependencies(ctx, server, utilfeature.DefaultFeatureGate)
	if err != nil {
		return err
	}
	groups := []string{cm.NodeAllocatableRoot(server.CgroupRoot, server.CgroupsPerQOS, server.CgroupDriver)}
	if own, err := cm.GetKubeletContainer(klog.FromContext(ctx), server.KubeletCgroups); err == nil && own != "" {
		groups = append(groups, own)
	}
	machine, err := cadvisor.New(klog.FromContext(ctx), cadvisor.NewImageFsInfoProvider(server.ContainerRuntimeEndpoint), server.RootDirectory,
		groups, cadvisor.UsingLegacyCadvisorStats(server.ContainerRuntimeEndpoint), server.LocalStorageCapacityIsolation)
	if err != nil {
		return err
	}
	dependencies.CAdvisorInterface = node.Limit(machine)
	utilfeature.DefaultMutableFeatureGate.AddMetrics()
	return kubelet.Run(ctx, server, dependencies, utilfeature.DefaultFeatureGate)
}

// kubeletServer reads the flags, and the file that --config names; a flag counts
// more than the file.
func kubeletServer(ctx context.Context, args []string) (*options.KubeletServer, error) {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	flags, err := parseKubelet(args, config)
	if err != nil {
		return nil, err
	}
	if flags.KubeletConfigFile != "" {
		loader, err := configfiles.NewFsLoader(&utilfs.DefaultFs{}, flags.KubeletConfigFile)
		if err != nil {
			return nil, err
		}
		if config, err = loader.Load(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", flags.KubeletConfigFile, err)
		}
		if flags, err = parseKubelet(args, config); err != nil {
			return nil, err
		}
	}
	if err := options.ValidateKubeletFlags(flags); err != nil {
		return nil, err
	}
	return &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *config}, nil
}

// parseKubelet reads the flags, and those of the configuration's into config.
func parseKubelet(args []string, config *kubeletconfig.KubeletConfiguration) (*options.KubeletFlags, error) {
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	set.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags := options.NewKubeletFlags()
	flags.AddFlags(set)
	options.AddKubeletConfigFlags(set, config)
	options.AddGlobalFlags(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", set.Arg(0))
	}
	return flags, nil
}
