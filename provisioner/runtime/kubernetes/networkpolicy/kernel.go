package networkpolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// tableName is the nftables table, of the inet family, that this package owns.
const tableName = "network-policy"

// kernel brings the table in the kernel to what is wanted, in one transaction each
// time, and remembers it.
type kernel struct {
	nft   knftables.Interface
	known bool   // whether has is what is there
	has   *table // nil: there is no table
}

// apply blocks until the kernel has taken the transaction, which it does as a
// whole or not at all. After an error the next apply starts from nothing, still in
// one transaction.
func (k *kernel) apply(ctx context.Context, want *table) error {
	has := k.has
	tx := k.nft.NewTransaction()
	if !k.known || (want == nil) != (has == nil) {
		// To delete a table that is not there is an error; to add one that is, is not.
		tx.Add(&knftables.Table{})
		tx.Delete(&knftables.Table{})
		has = nil
	}
	if want != nil {
		if has == nil {
			tx.Add(&knftables.Table{Comment: knftables.PtrTo("what NetworkPolicies allow the pods of this node")})
			has = &table{}
		}
		change(tx, has, want)
	}
	k.known = false
	if tx.NumOperations() > 0 {
		if err := k.nft.Run(ctx, tx); err != nil {
			return fmt.Errorf("nft: %w", err)
		}
	}
	k.known, k.has = true, want
	return nil
}

// change adds to tx what makes has want. What is referred to is made before what
// refers to it, and deleted after.
func change(tx *knftables.Transaction, has, want *table) {
	for _, name := range sortedKeys(want.chains) {
		if _, made := has.chains[name]; !made {
			tx.Add(newChain(name, want.chains[name].base))
		}
	}
	for _, name := range sortedKeys(want.sets) {
		if _, made := has.sets[name]; !made {
			addSet(tx, name, want.sets[name])
		}
	}
	for _, name := range sortedKeys(has.chains) {
		if !slices.Equal(has.chains[name].rules, want.chains[name].rules) {
			tx.Flush(&knftables.Chain{Name: name})
		}
	}
	for _, name := range sortedKeys(want.chains) {
		if rules := want.chains[name].rules; !slices.Equal(has.chains[name].rules, rules) {
			for _, rule := range rules {
				tx.Add(&knftables.Rule{Chain: name, Rule: rule})
			}
		}
	}
	for _, name := range sortedKeys(want.sets) {
		changeElements(tx, name, has.sets[name].elements, want.sets[name])
	}
	for _, name := range sortedKeys(has.sets) {
		if old := has.sets[name]; !contains(want.sets, name) {
			deleteSet(tx, name, old)
		}
	}
	for _, name := range sortedKeys(has.chains) {
		if !contains(want.chains, name) {
			tx.Delete(&knftables.Chain{Name: name})
		}
	}
}

func newChain(name string, base bool) *knftables.Chain {
	c := &knftables.Chain{Name: name}
	if base {
		c.Type = knftables.PtrTo(knftables.FilterType)
		c.Hook = knftables.PtrTo(knftables.ForwardHook)
		c.Priority = knftables.PtrTo(knftables.FilterPriority)
	}
	return c
}

func addSet(tx *knftables.Transaction, name string, s set) {
	if s.verdicts {
		tx.Add(&knftables.Map{Name: name, Type: s.of + " : verdict"})
		return
	}
	tx.Add(&knftables.Set{Name: name, Type: s.of})
}

func deleteSet(tx *knftables.Transaction, name string, s set) {
	if s.verdicts {
		tx.Delete(&knftables.Map{Name: name})
		return
	}
	tx.Delete(&knftables.Set{Name: name})
}

func changeElements(tx *knftables.Transaction, name string, has map[string]string, want set) {
	element := func(key, verdict string) *knftables.Element {
		e := &knftables.Element{Key: strings.Split(key, " . ")}
		if want.verdicts {
			e.Map, e.Value = name, []string{verdict}
		} else {
			e.Set = name
		}
		return e
	}
	for _, key := range sortedKeys(has) {
		if verdict, keep := want.elements[key]; !keep || verdict != has[key] {
			tx.Delete(element(key, has[key]))
		}
	}
	for _, key := range sortedKeys(want.elements) {
		if verdict, had := has[key]; !had || verdict != want.elements[key] {
			tx.Add(element(key, want.elements[key]))
		}
	}
}

func contains[V any](m map[string]V, name string) bool {
	_, ok := m[name]
	return ok
}
