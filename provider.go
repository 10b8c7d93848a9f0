package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"wheelhouse/content/intro/images"
	agent "wheelhouse/labs/terminal/agent/dist"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/embedded"
	machine "wheelhouse/provisioner/embedded/machine/dist"
	"wheelhouse/provisioner/host"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/pack"
)

// The values of --provider.
const (
	providerAuto     = "auto"
	providerKind     = "kind"
	providerEmbedded = "embedded"
)

// bindProvider adds --provider.
func (c *config) bindProvider(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.Provider, "provider", providerAuto,
		"what makes clusters: kind (a container engine), embedded (none, from the runtime pack), or auto: a container engine that answers and has the node image, else embedded")
	cache, _ := pack.DefaultCache() // where there is none, the pack is said to be missing
	cmd.Flags().StringVar(&c.PackCache, "pack-cache", cache, "folder that keeps the runtime packs of the embedded provider")
	_ = cmd.RegisterFlagCompletionFunc("provider", cobra.FixedCompletions([]string{providerAuto, providerKind, providerEmbedded}, cobra.ShellCompDirectiveNoFileComp))
}

// openProvider prepares the provider of this data folder's clusters: the one
// that --provider names, or the one that can make clusters here.
func (c *config) openProvider(ctx context.Context) (provisioner.Provider, error) {
	if err := c.openData(); err != nil {
		return nil, err
	}
	switch c.Provider {
	case providerKind:
		return kind.New(c.kindOptions())
	case providerEmbedded:
		return embedded.New(c.embeddedOptions())
	case providerAuto:
		return c.chooseProvider(ctx)
	}
	return nil, fmt.Errorf("--provider %q: want %s, %s or %s", c.Provider, providerAuto, providerKind, providerEmbedded)
}

// chooseProvider takes the provider that has clusters in this data folder
// already, else a container engine, else the runtime pack. What is missing for
// either is in the error.
func (c *config) chooseProvider(ctx context.Context) (provisioner.Provider, error) {
	onEngine, err := kind.New(c.kindOptions())
	if err != nil {
		return nil, err
	}
	fromPack, err := embedded.New(c.embeddedOptions())
	if err != nil {
		return nil, err
	}
	if clusters, err := fromPack.List(ctx); err == nil && len(clusters) > 0 {
		return fromPack, nil
	}
	noEngine := onEngine.Usable(ctx)
	if noEngine == nil || ctx.Err() != nil {
		return onEngine, nil
	}
	noPack := fromPack.Usable()
	if noPack == nil {
		c.logger().Info("no container engine to use, so clusters come from the runtime pack", "why", noEngine)
		return fromPack, nil
	}
	return nil, &provisioner.Error{
		Reason: provisioner.NoEngine,
		Message: "Wheelhouse finds nothing here to make clusters with. " +
			"With a container engine: " + advice(noEngine) + " Without one: " + advice(noPack),
		Err: errors.Join(noEngine, noPack),
	}
}

// advice is what an error tells a person.
func advice(err error) string {
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		return known.Message
	}
	return err.Error() + "."
}

func (c *config) kindOptions() kind.Options {
	var preload []kind.Image
	for _, image := range images.Images() {
		preload = append(preload, kind.Image{Ref: image.Ref, Archive: image.Archive})
	}
	binary, _ := agent.Binary(runtime.GOARCH) // kind says what is missing without it
	return kind.Options{
		DataDir: c.Data,
		Image:   c.NodeImage,
		Runtime: c.Runtime,
		Agent:   binary,
		Images:  preload,
		Logger:  c.logger(),
	}
}

func (c *config) embeddedOptions() embedded.Options {
	agentBinary, _ := agent.Binary(runtime.GOARCH) // embedded says what is missing without them
	machineBinary, _ := machine.Binary(runtime.GOARCH)
	return embedded.Options{
		DataDir: c.Data,
		Pack:    c.currentPack,
		Agent:   agentBinary,
		Machine: machineBinary,
		Limits:  embedded.Limits{Memory: int64(c.ClusterMemory), Disk: int64(c.ClusterDisk), CPUs: int64(c.ClusterCPUs)},
		Logger:  c.logger(),
	}
}

// diagnose looks at this machine for the provider that --provider names. For auto
// that is the one that is taken, or both where there is none.
func (c *config) diagnose(ctx context.Context) ([]host.Finding, error) {
	onEngine := func() []host.Finding { return kind.Doctor(ctx, c.kindOptions()) }
	fromPack := func() []host.Finding { return embedded.Doctor(ctx, c.embeddedOptions()) }
	provider, err := c.openProvider(ctx)
	if provisioner.ReasonOf(err) == provisioner.NoEngine {
		nothing := host.Found("provider", host.Failure, "Neither a container engine nor the runtime pack can make clusters here.", "Mend what is marked below, for one of the two.")
		return append(append([]host.Finding{nothing}, onEngine()...), fromPack()...), nil
	}
	if err != nil {
		return nil, err
	}
	if _, ok := provider.(*embedded.Provider); ok {
		return append([]host.Finding{host.Found("provider", host.OK, "Clusters are made without a container engine, from the runtime pack.", "")}, fromPack()...), nil
	}
	return append([]host.Finding{host.Found("provider", host.OK, "Clusters are made by kind, on a container engine.", "")}, onEngine()...), nil
}

// supplies returns what this machine has for clusters.
func supplies(provider provisioner.Provider) []host.Supply {
	if _, ok := provider.(*kind.Provider); ok {
		return kind.Supplies()
	}
	return embedded.Supplies()
}

// ensurePack builds the runtime pack where clusters will come from it and there
// is none. Where it would not help, it does nothing: opening says what is wrong.
func (c *config) ensurePack(ctx context.Context, w io.Writer) error {
	provider, err := c.openProvider(ctx)
	if c.Provider == providerAuto && provisioner.ReasonOf(err) == provisioner.NoEngine {
		provider, err = embedded.New(c.embeddedOptions())
	}
	fromPack, ok := provider.(*embedded.Provider)
	if err != nil || !ok || provisioner.ReasonOf(fromPack.Usable()) != provisioner.NoPack {
		return nil
	}
	fmt.Fprintln(w, "No container engine is used, so Kubernetes is built once, from source. This takes a while; what is done stays done.")
	_, err = pack.Build(ctx, packOptions(c.PackCache, defaultPackSource), newProgressPrinter(w).report)
	return err
}
