package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"wheelhouse/provisioner"
)

// Delete removes the cluster name and everything that belongs to it. A creation or a
// start of it that is under way, in whatever process, ends first. What is broken off
// is found again: the cluster cannot be started any more.
func (p *Provider) Delete(ctx context.Context, name string) error {
	if !validName(name) {
		return nil // there never was one
	}
	err := p.store.delete(name)
	var unlock func()
	if err == nil {
		unlock, err = p.lock(ctx, name)
	}
	if errors.Is(err, provisioner.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	defer unlock()
	r, err := p.store.load(name)
	if err != nil {
		return err
	}
	if err := p.destroy(ctx, r); err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	return nil
}

// destroy ends the cluster's processes, and with them its namespaces, and
// removes its control groups, its disks and then its folder: what is interrupted is found
// again.
func (p *Provider) destroy(ctx context.Context, r record) error {
	if r.Container != "" {
		if r.Runc == "" {
			r.Runc = p.anyRunc()
		}
		if err := p.runc(r).delete(ctx, r.Container); err != nil {
			return err
		}
		if err := removeGroups(ctx, r.Container); err != nil {
			return fmt.Errorf("remove the control groups: %w", err)
		}
		dropParents()
	}
	folder := p.store.folder(r.Name)
	if err := unmountAll(filepath.Join(folder, packFolder)); err != nil {
		return err
	}
	if err := p.removeDisks(folder); err != nil {
		return err
	}
	// The record goes last but one: without it nobody knows whose ids these are.
	if err := r.IDs.giveBack(p.options.RunDir, folder); err != nil {
		return fmt.Errorf("give back the range of ids: %w", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the cluster's folder: %w", err)
	}
	return nil
}

// anyRunc returns the digest of the current pack's runc, for a container that was
// made by a version which did not note it, or "".
func (p *Provider) anyRunc() string {
	from, err := p.options.Pack()
	if err != nil {
		return ""
	}
	digest, err := p.installRunc(from)
	if err != nil {
		return ""
	}
	return digest
}

// container names the outermost container of the cluster name, so that clusters
// of different data directories do not meet.
func (s store) container(name string) string {
	hash := sha256.Sum256([]byte(s.dir))
	return name + "-" + hex.EncodeToString(hash[:4])
}
