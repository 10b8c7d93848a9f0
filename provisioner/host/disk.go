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
