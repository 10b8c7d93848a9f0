package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wheelhouse/content/intro/images"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/kind"
	"wheelhouse/provisioner/pack"
)

// defaultPackSource is where a checkout has what a pack is built of.
const defaultPackSource = "provisioner/runtime"

// packOptions is a pack for the labs: with the images of the product's own
// application.
func packOptions(cache, source string) pack.Options {
	options := pack.Options{Cache: cache, Source: source}
	for _, image := range images.Images() {
		options.Images = append(options.Images, pack.Archive{Ref: image.Ref, Text: image.Archive})
	}
	return options
}

// bindPack adds the flag of every command about runtime packs.
func (c *config) bindPack(cmd *cobra.Command) {
	cache, _ := pack.DefaultCache() // where there is none, the flag has to be given
	cmd.Flags().StringVar(&c.PackCache, "pack-cache", cache, "folder that keeps runtime packs, and what they are made of")
}

// newPackCommand has the commands for runtime packs.
func newPackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pack",
		Short: "Build, check and move the runtime pack",
		Long: `Build, check and move the runtime pack.

A pack is what clusters without a container engine are made from: Kubernetes,
containerd, the images and the workstation. It is built once, from source and
from Debian's packages. An exported pack is one file, and makes a machine with
no network able to run every lab:

  wheelhouse pack build
  wheelhouse pack export wheelhouse.pack
  wheelhouse pack import wheelhouse.pack    on the other machine`,
	}
	cmd.AddCommand(newPackBuildCommand(), newPackVerifyCommand(), newPackExportCommand(), newPackImportCommand(), newPackPathCommand(), newPackListCommand(), newPackNodeImageCommand())
	bindConfigFile(cmd.PersistentFlags())
	return cmd
}

// packRow is a pack as the commands print it with -o json.
type packRow struct {
	Path       string `json:"path"`
	Digest     string `json:"digest"`
	Kubernetes string `json:"kubernetes"`
	Arch       string `json:"arch"`
	Size       int64  `json:"size"` // bytes
	Files      int    `json:"files"`
	Images     int    `json:"images"`
	Current    bool   `json:"current"`
}

func newPackRow(p *pack.Pack, current bool) packRow {
	m := p.Manifest()
	return packRow{Path: p.Dir(), Digest: m.Digest, Kubernetes: m.Kubernetes, Arch: m.Arch, Size: m.Size(), Files: len(m.Files), Images: len(m.Images), Current: current}
}

// printPack prints the pack that a command made.
func printPack(cmd *cobra.Command, output outputFlag, p *pack.Pack, format string) error {
	if output.json() {
		return printJSON(cmd.OutOrStdout(), newPackRow(p, true))
	}
	m := p.Manifest()
	_, err := fmt.Fprintf(cmd.OutOrStdout(), format+"\n", fmt.Sprintf("Kubernetes %s, %d images, %d files, %d MB", m.Kubernetes, len(m.Images), len(m.Files), m.Size()>>20), p.Dir())
	return err
}

func newPackBuildCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	var source string
	var fresh bool
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the pack, or what is missing of it",
		Long: `Build the pack, or what is missing of it.

What has been built stays in the pack cache: a build that was stopped goes on
where it was, and one with nothing to do ends at once. The first build needs the
network, some minutes, and root.

The build runs in a checkout of Wheelhouse, on Debian or Ubuntu, with Go and gcc.
On other systems import a pack that was made elsewhere.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := packOptions(cfg.PackCache, source)
			if len(options.Images) == 0 {
				return fmt.Errorf("this program was built without the images of the labs' web application, which belong into a pack; build it with `make build`, or run `make pack`")
			}
			options.Fresh = fresh
			p, err := pack.Build(cmd.Context(), options, newProgressPrinter(cmd.ErrOrStderr()).report)
			if err != nil {
				return err
			}
			return printPack(cmd, output, p, "The pack is ready: %s.\n%s")
		},
	}
	cfg.bindPack(cmd)
	output.bind(cmd)
	cmd.Flags().StringVar(&source, "source", defaultPackSource, "folder with the sources, in a checkout of Wheelhouse")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "build everything anew, with the newest Debian packages")
	return cmd
}

func newPackVerifyCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Compare every file of a pack with its manifest",
		Long: `Compare every file of the current pack, or of the one in DIR, with its manifest.

Every file that is damaged, missing or too many is printed, and the exit status
is 1 when there is one.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := cfg.openPack(args)
			if err != nil {
				return err
			}
			damage, err := p.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if output.json() {
				if err := printJSON(cmd.OutOrStdout(), append([]pack.Damage{}, damage...)); err != nil {
					return err
				}
			} else {
				for _, one := range damage {
					fmt.Fprintln(cmd.OutOrStdout(), one)
				}
			}
			switch {
			case len(damage) > 0:
				fmt.Fprintf(cmd.ErrOrStderr(), "%d file(s) of the pack in %s are not as they should be. Make it anew with `wheelhouse pack build --fresh`, or import it again.\n", len(damage), p.Dir())
				return errReported
			case !output.json():
				return printPack(cmd, output, p, "The pack is whole: %s.\n%s")
			}
			return nil
		},
	}
	cfg.bindPack(cmd)
	output.bind(cmd)
	return cmd
}

// openPack opens the pack in the folder that a command names, or the current one.
func (c *config) openPack(args []string) (*pack.Pack, error) {
	if len(args) > 0 {
		return pack.Open(args[0])
	}
	return c.currentPack()
}

// systemPacks is where the package wheelhouse-pack brings its pack, for all of this
// machine's users of clusters.
const systemPacks = "/var/lib/wheelhouse/pack"

// currentPack opens the current pack of --pack-cache. Where that was left alone and
// has none, it is the machine's own.
func (c *config) currentPack() (*pack.Pack, error) {
	p, err := pack.Current(c.PackCache)
	if own, _ := pack.DefaultCache(); provisioner.ReasonOf(err) != provisioner.NoPack || c.PackCache != own {
		return p, err
	}
	if system, err := pack.Current(systemPacks); err == nil {
		return system, nil
	}
	return p, err
}

func newPackExportCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the current pack as one file, for another machine",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := cfg.currentPack()
			if err != nil {
				return err
			}
			size, err := p.Export(cmd.Context(), args[0], newProgressPrinter(cmd.ErrOrStderr()).report)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The pack is in %s, %d MB. On the other machine: wheelhouse pack import %s\n", args[0], size>>20, args[0])
			return nil
		},
	}
	cfg.bindPack(cmd)
	return cmd
}

// packKey is the public key that imported packs have to be signed with; empty: none
// has to be. It is set by the linker: make release PACK_KEY=…
var packKey string

func newPackImportCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	var trusted string
	var unsigned bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a pack that was exported, and use it from now on",
		Long: `Take in a pack that was exported, and use it from now on.

Every byte is compared with the pack's manifest. Where a key is given by --pack-key,
or built into this program, the file has to be signed with it as well: the
signature lies beside it, in FILE.minisig, and is made with minisign:

  minisign -S -s my.key -m wheelhouse.pack

Clusters that run, or are stopped, stay what they are: the pack that each is made
of is kept for as long as the cluster is there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var key *pack.Key
			if trusted != "" && !unsigned {
				var err error
				if key, err = pack.ParseKey(trusted); err != nil {
					return fmt.Errorf("--pack-key: %w", err)
				}
			}
			p, err := pack.ImportSigned(cmd.Context(), cfg.PackCache, args[0], key, newProgressPrinter(cmd.ErrOrStderr()).report)
			if err != nil {
				return err
			}
			signed := "."
			if key != nil {
				signed = ", signed with the key " + key.ID() + "."
			}
			return printPack(cmd, output, p, "The pack was imported: %s"+signed+"\n%s")
		},
	}
	cfg.bindPack(cmd)
	output.bind(cmd)
	cmd.Flags().StringVar(&trusted, "pack-key", packKey, "public key of minisign, or a file with it, that the pack has to be signed with")
	cmd.Flags().BoolVar(&unsigned, "allow-unsigned", false, "take a pack that is not signed, such as one of your own")
	return cmd
}

func newPackNodeImageCommand() *cobra.Command {
	var cfg config
	var source, tag, engine string
	cmd := &cobra.Command{
		Use:   "node-image",
		Short: "Make a node image for kind of the pack, so that kind needs no registry",
		Long: `Make a node image for kind of the current pack, and give it to the container
engine. Clusters of kind are made from it then: no registry is needed, and network
policies are enforced.

It runs where a pack can be built: in a checkout of Wheelhouse, as root, on Debian
or Ubuntu. The image can be moved with the engine's own commands:

  docker save wheelhouse/node:v1.36.3 | gzip > node.tar.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := cfg.currentPack()
			if err != nil {
				return err
			}
			if tag == "" {
				tag = kind.LocalNodeImage + ":" + p.Manifest().Kubernetes
			}
			image := kind.ImportedImage{Ref: tag, Entrypoint: pack.NodeEntrypoint, Env: pack.NodeEnv}
			err = kind.Import(cmd.Context(), engine, image, func(ctx context.Context, w io.Writer) error {
				return pack.WriteNodeImage(ctx, pack.Options{Cache: cfg.PackCache, Source: source}, p, w, newProgressPrinter(cmd.ErrOrStderr()).report)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The node image is ready: %s. Clusters of kind are made from it; --node-image names another.\n", tag)
			return err
		},
	}
	cfg.bindPack(cmd)
	cmd.Flags().StringVar(&source, "source", defaultPackSource, "folder with the sources, in a checkout of Wheelhouse")
	cmd.Flags().StringVar(&tag, "tag", "", "name of the image; empty: wheelhouse/node:VERSION")
	cmd.Flags().StringVar(&engine, "engine", "", "container engine: docker or podman; empty: the first that answers")
	return cmd
}

func newPackPathCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "path",
		Short: "Print the folder of the current pack",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := cfg.currentPack()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), p.Dir())
			return err
		},
	}
	cfg.bindPack(cmd)
	return cmd
}

func newPackListCommand() *cobra.Command {
	var cfg config
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the packs on this machine, the current one first",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := pack.List(cfg.PackCache)
			if err != nil {
				return err
			}
			rows := []packRow{}
			for _, one := range found {
				rows = append(rows, newPackRow(one.Pack, one.Current))
			}
			if output.json() {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			if len(rows) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "No packs. Build one with: wheelhouse pack build")
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 3, ' ', 0)
			fmt.Fprintln(table, "CURRENT\tKUBERNETES\tIMAGES\tFILES\tSIZE\tPATH")
			for _, row := range rows {
				mark := ""
				if row.Current {
					mark = "*"
				}
				fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d MB\t%s\n", mark, row.Kubernetes, row.Images, row.Files, row.Size>>20, row.Path)
			}
			return table.Flush()
		},
	}
	cfg.bindPack(cmd)
	output.bind(cmd)
	return cmd
}
