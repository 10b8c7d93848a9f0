//go:build !linux

package agent

// deprioritise does nothing: workstations run Linux.
func deprioritise(int) {}
