//go:build !linux

package host

// CheckInstances finds nothing to try here.
func CheckInstances() Finding {
	return Finding{"inotify instances", OK, "This system has no such limit.", ""}
}
