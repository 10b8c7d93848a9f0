//go:build unix

package host

import "golang.org/x/sys/unix"

// freeDisk returns how many bytes of the file system at path this user may still
// take, and whether that can be told.
func freeDisk(path string) (uint64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, false
	}
	return stat.Bavail * uint64(stat.Bsize), true
}

// writable reports whether this user may make files in the folder.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK|unix.X_OK) == nil }
