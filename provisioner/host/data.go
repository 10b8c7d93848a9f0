package host

import (
	"os"
	"path/filepath"
)

// CheckData looks whether this user can make files in the data directory, or can
// make the directory itself.
func CheckData(dir string) Finding {
	const name = "data directory"
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Finding{name, Failure, err.Error(), "Choose another data directory."}
	}
	// The nearest folder that is there has to let us in.
	there := dir
	for {
		stat, err := os.Stat(there)
		if err == nil && !stat.IsDir() {
			return Finding{name, Failure, there + " is not a folder.", "Choose another data directory."}
		}
		if err == nil || filepath.Dir(there) == there {
			break
		}
		there = filepath.Dir(there)
	}
	if !writable(there) {
		return Finding{name, Failure, "This user cannot write to " + there + ".", "Change its owner, or choose another data directory."}
	}
	return Finding{name, OK, dir + " can be written to.", ""}
}
