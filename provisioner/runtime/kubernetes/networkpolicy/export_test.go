package networkpolicy

import (
	"context"

	"sigs.k8s.io/knftables"
)

// Kernel lets tests bring rulesets to a kernel without the watches.
type Kernel struct{ kernel }

func NewKernel(nft knftables.Interface) *Kernel { return &Kernel{kernel{nft: nft}} }

func (k *Kernel) Apply(ctx context.Context, r Ruleset) error { return k.apply(ctx, render(r)) }
