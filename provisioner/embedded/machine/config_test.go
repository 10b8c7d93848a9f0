package machine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"wheelhouse/provisioner/embedded/machine"
)

// TestTemplates: the files are of their formats, and hold the node's own values.
func TestTemplates(t *testing.T) {
	c, err := machine.Plan("wh-test", "v1.36.3", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, v1 := range []bool{true, false} {
		files, err := machine.Templates(&c, &c.Nodes[1], v1)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			switch {
			case strings.HasSuffix(name, ".yaml"):
				for document := range strings.SplitSeq(text, "\n---\n") {
					if err := yaml.Unmarshal([]byte(document), &map[string]any{}); err != nil {
						t.Errorf("%s: %v\n%s", name, err, text)
					}
				}
			case strings.HasSuffix(name, ".conflist"):
				if err := json.Unmarshal([]byte(text), &map[string]any{}); err != nil {
					t.Errorf("%s: %v\n%s", name, err, text)
				}
			}
			if strings.Contains(text, "<no value>") {
				t.Errorf("%s lacks a value:\n%s", name, text)
			}
		}
		var kubelet struct {
			FailCgroupV1 bool     `yaml:"failCgroupV1"`
			Address      string   `yaml:"address"`
			ClusterDNS   []string `yaml:"clusterDNS"`
		}
		if err := yaml.Unmarshal([]byte(files["kubelet.yaml"]), &kubelet); err != nil {
			t.Fatal(err)
		}
		if kubelet.FailCgroupV1 == v1 || kubelet.Address != "172.30.0.3" || len(kubelet.ClusterDNS) != 1 || kubelet.ClusterDNS[0] != "10.96.0.10" {
			t.Errorf("kubelet with cgroup v1 %v: got %+v", v1, kubelet)
		}
		if !strings.Contains(files["pods.conflist"], `"10.244.1.0/24"`) {
			t.Errorf("the pods' network: got %s", files["pods.conflist"])
		}
	}
}
