package main

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// deepen makes a control group args[1] levels below the group args[0]: its path is
// longer than a system call takes.
func deepen(args []string) error {
	levels, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if err := unix.Chdir(args[0]); err != nil {
		return err
	}
	name := marker + strings.Repeat("-", 200)
	for range levels {
		if err := unix.Mkdir(name, 0o755); err != nil {
			return err
		}
		if err := unix.Chdir(name); err != nil {
			return err
		}
	}
	return nil
}
