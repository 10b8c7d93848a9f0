package host_test

import (
	"strings"
	"testing"

	"wheelhouse/provisioner/host"
)

func TestRoom(t *testing.T) {
	folder := t.TempDir()
	if err := host.Room(folder, 1); err != nil {
		t.Errorf("one byte: %v", err)
	}
	if err := host.Room(folder, 1<<60); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("more than there is: got %v, want an error with the folder", err)
	}
	if err := host.Room(folder+"/none", 1<<60); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}
