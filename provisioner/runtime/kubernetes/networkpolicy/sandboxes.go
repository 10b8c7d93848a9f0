package networkpolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/types"
)

// result is a file of libcni's cache, which it writes when all plug-ins have
// added a container to a network and removes after they have deleted it:
// github.com/containernetworking/cni libcni/api.go, type cachedInfo, with a result
// of version 0.4 or later. The names of the arguments are the kubelet's convention,
// which containerd follows.
type result struct {
	Kind   string      `json:"kind"`
	Args   [][2]string `json:"cniArgs"`
	Result struct {
		IPs []struct {
			Address string `json:"address"` // a CIDR
		} `json:"ips"`
	} `json:"result"`
}

// readSandboxes gives the addresses in a folder of such files, by pod. A file that
// is not whole yet is left out: the write that completes it is an event as well.
func readSandboxes(folder string) (map[types.NamespacedName][]netip.Addr, error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("results of the cni plug-ins: %w", err)
	}
	all := map[types.NamespacedName][]netip.Addr{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // its container has just gone
		}
		if err != nil {
			return nil, fmt.Errorf("results of the cni plug-ins: %w", err)
		}
		var r result
		if json.Unmarshal(text, &r) != nil || r.Kind != "cniCacheV1" {
			continue
		}
		var name types.NamespacedName
		for _, arg := range r.Args {
			switch arg[0] {
			case "K8S_POD_NAMESPACE":
				name.Namespace = arg[1]
			case "K8S_POD_NAME":
				name.Name = arg[1]
			}
		}
		for _, ip := range r.Result.IPs {
			prefix, err := netip.ParsePrefix(ip.Address)
			if err == nil && !prefix.Addr().IsLoopback() && name.Name != "" {
				all[name] = append(all[name], prefix.Addr().Unmap())
			}
		}
	}
	return all, nil
}
