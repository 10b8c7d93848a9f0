package kind

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/command"
	"wheelhouse/provisioner/workstation"
)

// workstationFiles is the build context of the workstation's image, but for the
// agent and the files that every provider's workstation has.
//
//go:embed workstation
var workstationFiles embed.FS

const (
	workstationImage = "wheelhouse/workstation"
	agentPath        = "/usr/local/bin/wheelhouse-agent"
	agentFolder      = "/run/wheelhouse" // in the workstation: the cluster's run folder
	agentSocket      = "agent.sock"
)

// Limits of one workstation.
const (
	workstationMemory = "768m" // files in its home and /tmp count
	workstationCPUs   = "1"
	workstationPIDs   = "512"
	homeSize          = "256m"
	tmpSize           = "64m"
)

// studentUID is the user in the workstation. It is never the one that this
// process runs as: the folder of the agent's socket belongs to this process, and
// the student must not get in there.
func studentUID() int {
	const student = 1000
	if os.Getuid() == student {
		return student + 1
	}
	return student
}

// workstationTag names the image for this node image and agent. Its name says
// what is in it, so that an image of another version is never taken for it.
func (p *Provider) workstationTag(nodeImageID string) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%d\n", nodeImageID, studentUID())
	for _, files := range []embed.FS{workstationFiles, workstation.Files} {
		_ = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				text, _ := files.ReadFile(path) // embedded files can be read
				fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
			}
			return err
		})
	}
	hash.Write(p.options.Agent)
	return workstationImage + ":" + hex.EncodeToString(hash.Sum(nil))[:16]
}

// basic is what the tag of an image without the packages ends in.
const basic = "-basic"

// ensureWorkstation returns the tag of the workstation's image, which is built
// the first time. Where no package can be downloaded it settles for an image
// with what the node image has; the next process tries again.
func (p *Provider) ensureWorkstation(ctx context.Context, e *engine, nodeImage string, t *provisioner.Tracker) (string, error) {
	id, err := e.imageID(ctx, nodeImage)
	if err != nil {
		return "", err
	}
	tag := p.workstationTag(id)
	defer t.End(phaseWorkstation) // also where another creation has built it meanwhile
	p.images.Lock()
	defer p.images.Unlock()
	if _, err := e.imageID(ctx, tag); !gone(err) {
		return tag, err
	}
	if p.offline {
		if _, err := e.imageID(ctx, tag+basic); !gone(err) {
			return tag + basic, err
		}
	}
	t.Start(phaseWorkstation)
	p.log.Info("building the workstation image", "image", tag)
	err = p.buildWorkstation(ctx, e, nodeImage, id, tag, "full")
	if failed, ok := errors.AsType[*command.Error](err); ok && strings.Contains(failed.Output, noPackages) {
		p.log.Warn("no packages can be downloaded: workstations have neither nano nor bash-completion until the next start", "err", err)
		p.offline = true
		tag += basic
		err = p.buildWorkstation(ctx, e, nodeImage, id, tag, "basic")
	}
	if err != nil {
		if explain(err, "").Reason != provisioner.CreateFailed || ctx.Err() != nil {
			return "", err
		}
		return "", &provisioner.Error{Reason: provisioner.NoImage, Err: err, Message: "The workstation's image could not be built. " +
			"The log says which command failed and what it printed; `wheelhouse doctor` checks the usual causes."}
	}
	return tag, nil
}

// noPackages is what install.sh says when that is why it failed.
const noPackages = "workstation: packages could not be installed"

// buildWorkstation builds the image from a folder of its own. nodeImageID is that of
// nodeImage.
func (p *Provider) buildWorkstation(ctx context.Context, e *engine, nodeImage, nodeImageID, tag, tools string) error {
	dir, err := os.MkdirTemp(p.options.DataDir, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := fs.Sub(workstationFiles, "workstation")
	if err != nil {
		return err
	}
	for _, some := range []fs.FS{files, workstation.Files} {
		if err := os.CopyFS(dir, some); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "wheelhouse-agent"), p.options.Agent, 0o755); err != nil {
		return err
	}
	args := []string{"build", "--force-rm", "--tag", tag, "--label", labelImage + "=workstation", "--label", labelOwner + "=" + p.store.owner,
		"--label", labelNodeImage + "=" + nodeImageID, "--build-arg", "NODE_IMAGE=" + nodeImage, "--build-arg", "TOOLS=" + tools,
		"--build-arg", "STUDENT_UID=" + strconv.Itoa(studentUID())}
	for _, proxy := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if os.Getenv(proxy) != "" {
			args = append(args, "--build-arg", proxy) // its value is taken from the environment
		}
	}
	if _, err = e.run(ctx, append(args, dir)...); err == nil {
		p.dropOldWorkstations(ctx, e, tag)
	}
	return err
}

// dropOldWorkstations removes the images of earlier versions that this owner has
// built and no container uses.
func (p *Provider) dropOldWorkstations(ctx context.Context, e *engine, current string) {
	tags, err := e.lines(ctx, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}",
		"--filter", "label="+labelImage+"=workstation", "--filter", "label="+labelOwner+"="+p.store.owner)
	for _, tag := range tags {
		tag = strings.TrimPrefix(tag, "localhost/")
		if err == nil && tag != current && strings.HasPrefix(tag, workstationImage+":") {
			_, _ = e.run(ctx, "image", "rm", tag) // refused while a workstation runs on it: the next build tries again
		}
	}
}

// workstationOf returns the name of the cluster's workstation container.
func workstationOf(cluster string) string { return cluster + "-workstation" }

// startWorkstation starts the cluster's workstation on the cluster's network.
func (p *Provider) startWorkstation(ctx context.Context, e *engine, cluster, image string) error {
	home := fmt.Sprintf("rw,exec,nosuid,nodev,size=%s,mode=0700,uid=%d,gid=%[2]d", homeSize, studentUID())
	if e.name == "podman" {
		// Podman knows no owner of a tmpfs; nobody else is in there.
		home = "rw,exec,nosuid,nodev,mode=1777,size=" + homeSize
	}
	args := []string{"run", "--detach", "--name", workstationOf(cluster), "--hostname", "workstation",
		"--label", labelOwner + "=" + p.store.owner, "--label", labelCluster + "=" + cluster,
		"--network", e.networkOf(cluster),
		"--restart", "unless-stopped",
		"--pids-limit", workstationPIDs,
		"--memory", workstationMemory, "--memory-swap", workstationMemory,
		"--cpus", workstationCPUs,
		"--read-only",
		"--tmpfs", "/home/student:" + home,
		"--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777,size=" + tmpSize,
		"--security-opt", "no-new-privileges",
		"--cap-drop", "ALL",
	}
	if e.local() {
		args = append(args, "--volume", filepath.Join(p.store.folder(cluster), runFolder)+":"+agentFolder)
	} else {
		args = append(args, "--tmpfs", agentFolder+":rw,nosuid,nodev,noexec,mode=0700,size=1m")
	}
	// What the agent, which is root, needs to start shells as the student, to end
	// them, and to put files into the student's home.
	for _, capability := range []string{"SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER"} {
		args = append(args, "--cap-add", capability)
	}
	if e.info.Userns {
		args = append(args, "--userns=host") // as kind's nodes; else root there is nobody in our folders
	}
	_, err := e.run(ctx, append(args, image)...)
	return err
}
