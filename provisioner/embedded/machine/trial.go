package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wheelhouse/provisioner/command"
)

// A trial is a cluster that runs nothing: its first process does once, and
// quickly, what the first processes of clusters and of nodes do that a machine
// may refuse. The host reads the outcome and removes the cluster.

// TrialFile, in the cluster's folder, is the outcome: a JSON list of TrialPart, in
// the order of TrialParts. Parts that are missing were not come to.
const TrialFile = "trial.json"

// The parts of a trial.
const (
	TrialGroups  = "control groups"
	TrialFiles   = "file systems"
	TrialSpaces  = "nested namespaces"
	TrialNetwork = "network"
	TrialRules   = "packet rules"
)

// TrialParts are all of them, in their order.
var TrialParts = []string{TrialGroups, TrialFiles, TrialSpaces, TrialNetwork, TrialRules}

// TrialPart is the outcome of one part.
type TrialPart struct {
	Part  string        `json:"part"`
	Error string        `json:"error,omitempty"` // empty: it works
	Took  time.Duration `json:"took"`            // nanoseconds
}

// trial tries everything and writes TrialFile.
func (c *Cluster) trial(ctx context.Context) error {
	t := &trial{cluster: c}
	defer t.end()
	var parts []TrialPart
	for i, try := range []func(context.Context) error{t.groups, t.files, t.spaces, t.network, t.rules} {
		start := time.Now()
		part := TrialPart{Part: TrialParts[i]}
		if err := try(ctx); err != nil {
			part.Error = err.Error()
		}
		part.Took = time.Since(start)
		parts = append(parts, part)
		text, err := json.Marshal(parts)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(ClusterDir, TrialFile), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// trial is one under way.
type trial struct {
	cluster *Cluster
	root    string // a node's file system, once it is mounted

	node     *exec.Cmd // runs TrialNode in namespaces of its own, once it runs
	requests io.WriteCloser
	answers  *json.Decoder
}

func (t *trial) end() {
	if t.node != nil {
		t.requests.Close()
		_ = t.node.Wait() // what it had to say is said
	}
	if t.root != "" {
		_ = unix.Unmount(t.root, unix.MNT_DETACH) // it ends with this namespace anyway
	}
}

// controllers that the kubelet does not start without, by the names of version 2.
var controllers = []string{"cpu", "memory", "pids"}

// groups makes a control group with limits, as a node's runc and kubelet do.
func (t *trial) groups(context.Context) error {
	if err := leaveRootCgroup(); err != nil {
		return err
	}
	if !cgroupV2() {
		for _, controller := range append([]string{"devices", "freezer"}, controllers...) {
			if err := tryGroup(filepath.Join(cgroupRoot, controller), nil); err != nil {
				return err
			}
		}
		return tryGroup(cgroupRoot+"/memory", map[string]string{"memory.limit_in_bytes": "67108864"})
	}
	text, err := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, controller := range controllers {
		if !slices.Contains(strings.Fields(string(text)), controller) {
			return fmt.Errorf("the controller %s is not handed on to clusters", controller)
		}
	}
	return tryGroup(cgroupRoot, map[string]string{"memory.max": "67108864", "pids.max": "64", "cpu.max": "50000 100000"})
}

// tryGroup makes a group with the limits below parent, gives it to the nodes' root
// and removes it again.
func tryGroup(parent string, limits map[string]string) (err error) {
	group := parent + "/trial"
	if err := os.Mkdir(group, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(group)) }()
	if err := Delegate(group, NodeIDs); err != nil {
		return err
	}
	for file, limit := range limits {
		if err := os.WriteFile(filepath.Join(group, file), []byte(limit), 0); err != nil {
			return fmt.Errorf("set a limit: %w", err)
		}
		if got, err := os.ReadFile(filepath.Join(group, file)); err != nil || strings.TrimSpace(string(got)) != limit {
			return fmt.Errorf("set a limit: %s is %q after %q was written (%v)", file, got, limit, err)
		}
	}
	return nil
}

// files mounts a node's file system and changes a file of the pack's in it.
func (t *trial) files(context.Context) error {
	var passwd unix.Stat_t
	if err := unix.Stat(PackDir+"/node/etc/passwd", &passwd); err != nil {
		return fmt.Errorf("look at the pack: %w", err)
	}
	if passwd.Uid != NodeIDs {
		return errors.New("ids are not mapped: the pack's files do not belong to the nodes' root")
	}
	root, err := prepareNode(&t.cluster.Nodes[0])
	if err != nil {
		return err
	}
	t.root = root
	file, err := os.OpenFile(root+"/etc/passwd", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("change a file in an overlay: %w", err)
	}
	_, err = io.WriteString(file, "trial:x:1234:1234::/:/bin/false\n")
	return errors.Join(err, file.Close())
}

// spaces starts a process in a user namespace within this one, with the other
// namespaces that a node has.
func (t *trial) spaces(ctx context.Context) error {
	if err := setLimits(len(t.cluster.Nodes)); err != nil {
		return err
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: NodeIDs, Size: NodeIDs}}
	node := exec.CommandContext(ctx, "/proc/self/exe", "trial-node") // its path is closed to the node
	node.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
			syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP,
		UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{}, // the root of there
	}
	node.Stderr = os.Stderr
	requests, err := node.StdinPipe()
	if err != nil {
		return err
	}
	answers, err := node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := node.Start(); err != nil {
		return fmt.Errorf("start a process in a user namespace of its own: %w", err)
	}
	t.node, t.requests, t.answers = node, requests, json.NewDecoder(answers)
	return nil
}

// network lays a bridge, plugs the node into it and has it call.
func (t *trial) network(context.Context) error {
	if err := layNetwork(t.cluster); err != nil {
		return err
	}
	if t.node == nil {
		return errors.New("there is no namespace to lead to")
	}
	if err := t.cluster.attach(t.cluster.Nodes[0].Name, t.node.Process.Pid); err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: t.cluster.Gateway.AsSlice()})
	if err != nil {
		return err
	}
	defer listener.Close()
	return t.ask("dial", listener.Addr().String())
}

// rules has the node set rules as its parts do, with the pack's own nft.
func (t *trial) rules(context.Context) error {
	if t.root == "" || t.node == nil {
		return errors.New("there is no node to set them in")
	}
	return t.ask("rules", t.root)
}

// ask has the node do something.
func (t *trial) ask(request ...string) error {
	if err := json.NewEncoder(t.requests).Encode(request); err != nil {
		return err
	}
	var complaint string
	if err := t.answers.Decode(&complaint); err != nil {
		return fmt.Errorf("the trial's node ended: %w", err)
	}
	if complaint != "" {
		return errors.New(complaint)
	}
	return nil
}

// TrialNode does what it is asked on standard input, lists of strings, and answers
// each with its error's text, until the input ends. It is the program's part
// trial-node.
func TrialNode(in io.Reader, out io.Writer) error {
	requests, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var request []string
		if err := requests.Decode(&request); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var err error
		switch {
		case len(request) == 2 && request[0] == "dial":
			err = tryDial(request[1])
		case len(request) == 2 && request[0] == "rules":
			err = tryRules(request[1])
		default:
			err = fmt.Errorf("a request that is not known: %q", request)
		}
		complaint := ""
		if err != nil {
			complaint = err.Error()
		}
		if err := answers.Encode(complaint); err != nil {
			return err
		}
	}
}

func tryDial(address string) error {
	conn, err := net.DialTimeout("tcp4", address, 2*time.Second)
	if err != nil {
		return fmt.Errorf("call across the bridge: %w", err)
	}
	return conn.Close()
}

// trialRules use what kube-proxy, network policies and a node's own rules use, so
// that each kernel module that they need is asked for.
const trialRules = `table ip trial {
	map services { type ipv4_addr . inet_proto . inet_service : verdict; }
	set sources { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
	chain endpoint { meta l4proto tcp dnat to 172.30.0.2:6443; }
	chain services { ip daddr . meta l4proto . th dport vmap @services; }
	chain nat-output { type nat hook output priority -100; fib daddr type local goto services; ip daddr 10.96.0.1 numgen random mod 2 vmap { 0 : goto endpoint, 1 : goto endpoint }; }
	chain nat-postrouting { type nat hook postrouting priority srcnat; meta mark & 0x4000 == 0x4000 masquerade fully-random; }
	chain forward { type filter hook forward priority filter; ct state established,related accept; ip saddr @sources counter reject; }
}
`

func tryRules(root string) error {
	cmd := exec.Command("/usr/sbin/nft", "-f", "-")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader(trialRules)
	if err := command.Run(cmd); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the pack has no nft: %w", err)
		}
		return err
	}
	return nil
}
