package host

import "fmt"

// CheckDisk looks how much room there is in root. A cluster takes up to need
// bytes; hint says how to make room.
func CheckDisk(root string, need uint64, hint string) Finding {
	const name = "disk"
	free, known := freeDisk(root)
	if !known {
		return Finding{name, OK, "It cannot be looked at from here.", ""}
	}
	message := fmt.Sprintf("%.1f GB are free in %s.", float64(free)/(1<<30), root)
	next := "Free some: " + hint
	switch {
	case free < need:
		return Finding{name, Failure, message + "" + fmt.Sprintf(" A cluster takes up to %d GB.", need>>30), next}
	case free < 3*need:
		return Finding{name, Warning, message, next}
	}
	return Finding{name, OK, message, ""}
}

// Room returns an error where less than so many bytes are left to this user on the
// file system at path. It returns none where that cannot be told.
func Room(path string, least uint64) error {
	if free, known := freeDisk(path); known && free < least {
		return fmt.Errorf("only %d MB are left on the disk of %s: make room there", free/1e6, path)
	}
	return nil
}
