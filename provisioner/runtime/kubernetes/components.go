package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"wheelhouse/provisioner/runtime/kubernetes/activity"
	"wheelhouse/provisioner/runtime/kubernetes/hostusers"
	"wheelhouse/provisioner/runtime/kubernetes/openapi"
	"wheelhouse/provisioner/runtime/kubernetes/ready"
	"wheelhouse/provisioner/runtime/kubernetes/thaw"
)

// The commands of the components ask for the process's signals, which can be had
// once; so their options are run without the commands.

// parse reads flags into the sets of a component. Everything else is an error.
func parse(component string, sets cliflag.NamedFlagSets, args []string) error {
	flags := pflag.NewFlagSet(component, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: %q is no flag", component, flags.Arg(0))
	}
	// The registry is the process's: what one component sets, all see.
	if err := compatibility.DefaultComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	return nil
}

type apiServer struct {
	options *apiserveroptions.ServerRunOptions
}

func newAPIServer(args []string) (*apiServer, error) {
	options := apiserveroptions.NewServerRunOptions()
	plugins := options.Admission.GenericAdmission
	hostusers.Register(plugins.Plugins)
	plugins.RecommendedPluginOrder = append(slices.Clone(plugins.RecommendedPluginOrder), hostusers.PluginName)
	if err := parse("kube-apiserver", options.Flags(), args); err != nil {
		return nil, err
	}
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	if err := logsapi.ValidateAndApply(options.Logs, nil); err != nil {
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{}) // of deprecated kinds, which controllers watch on purpose
	return &apiServer{options}, nil
}

// run serves until ctx ends. What needs no database is done while that starts.
func (a *apiServer) run(ctx context.Context, database *etcd, guard *thaw.Guard, bell *activity.Bell) error {
	database.lead(&a.options.Etcd.StorageConfig.Transport)
	options, err := a.options.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := options.Validate(); len(errs) > 0 {
		return utilerrors.NewAggregate(errs)
	}
	if err := database.await(ctx, database.listening); err != nil {
		return err
	}
	config, err := apiserver.NewConfig(options)
	if err != nil {
		return err
	}
	outermost := config.Aggregator.GenericConfig
	chain := outermost.BuildHandlerChainFunc
	outermost.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return chain(guard.Handler(bell.Handler(handler)), c)
	}
	kubernetes := config.KubeAPIs.ControlPlane.Generic
	kubernetes.SkipOpenAPIInstallation = true // in favour of ours
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	if err := database.await(ctx, database.ready); err != nil {
		return err
	}
	server, err := apiserver.CreateServerChain(completed)
	if err != nil {
		return err
	}
	own, ok := server.GenericAPIServer.NextDelegate().(*genericapiserver.GenericAPIServer)
	if !ok {
		return errors.New("the API server is not behind the aggregator")
	}
	openapi.Install(own.Handler.GoRestfulContainer, own.Handler.NonGoRestfulMux, kubernetes.OpenAPIConfig, kubernetes.OpenAPIV3Config)
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

type controllerManager struct {
	options *manageroptions.KubeControllerManagerOptions
}

func newControllerManager(args []string) (*controllerManager, error) {
	options, err := manageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, fmt.Errorf("kube-controller-manager: %w", err)
	}
	sets := options.Flags(controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases())
	options.ParsedFlags = &sets
	if err := parse("kube-controller-manager", sets, args); err != nil {
		return nil, err
	}
	return &controllerManager{options}, nil
}

func (m *controllerManager) run(ctx context.Context) error {
	config, err := m.options.Config(ctx, controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases())
	if err != nil {
		return err
	}
	config.Kubeconfig.Wrap(ready.WithoutLateHooks)
	return controllermanager.Run(ctx, config.Complete())
}

type scheduling struct{ options *scheduleroptions.Options }

func newScheduler(args []string) (*scheduling, error) {
	options := scheduleroptions.NewOptions()
	if err := parse("kube-scheduler", *options.Flags, args); err != nil {
		return nil, err
	}
	return &scheduling{options}, nil
}

func (s *scheduling) run(ctx context.Context) error {
	config, running, err := scheduler.Setup(ctx, s.options)
	if err != nil {
		return err
	}
	return scheduler.Run(ctx, config, running)
}
