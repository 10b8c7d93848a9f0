//go:build !linux

package agent

import (
	"errors"
	"os"
)

// deprioritise does nothing: workstations run Linux.
func deprioritise(int) {}

// sealedFile is refused: workstations run Linux.
func sealedFile(string, []byte) (*os.File, error) { return nil, errors.ErrUnsupported }
