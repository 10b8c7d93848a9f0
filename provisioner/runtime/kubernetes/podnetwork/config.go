package podnetwork

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
)

// writeConfig writes the list of CNI plug-ins (cni.dev/docs/spec, version 1.0.0)
// that link a pod to the node. The container runtime sees it whole or not at all.
func writeConfig(path string, own netip.Prefix) error {
	type object = map[string]any
	text, err := json.MarshalIndent(object{
		"cniVersion": "1.0.0",
		"name":       "pods",
		"plugins": []object{
			{
				"type": "ptp", "ipMasq": false, "mtu": 1500,
				"ipam": object{
					"type":    "host-local",
					"dataDir": "/run/cni-ipam", // gone after a restart of the node, as its pods are
					"ranges":  [][]object{{{"subnet": own}}},
					"routes":  []object{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "backend": "nftables", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	partial := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".partial")
	if err := os.WriteFile(partial, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
