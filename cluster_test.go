package main

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/provisionertest"
)

func TestDeleteClustersGoesOnPastOneThatStays(t *testing.T) {
	provider, err := provisionertest.NewFake(provisionertest.FakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	for _, name := range []string{"ann", "bob", "cat", "dan"} {
		if _, err := provider.Create(t.Context(), name, provisioner.Spec{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	busy := errors.New("the engine is busy")
	provider.Fail("Delete", busy)
	var printed bytes.Buffer
	err = deleteClusters(t.Context(), provider, &printed, "ann", "bob", "dan")
	if !errors.Is(err, busy) || err.Error() != "delete cluster ann: the engine is busy" {
		t.Errorf("err = %v, want ann's only", err)
	}
	if got, want := printed.String(), "Deleted cluster bob.\nDeleted cluster dan.\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	left, err := listClusters(t.Context(), provider)
	if err != nil || !slices.Equal(left, []string{"ann", "cat"}) {
		t.Errorf("left: %v, %v; want ann and cat", left, err)
	}
}
