package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wheelhouse/provisioner"
)

const deviceKeyLength = 32 // bytes

// deviceKey reads what signs device cookies from the data folder, and makes it on first
// use. Who loses it loses no more than that browsers are strangers once.
func deviceKey(folder string) ([]byte, error) {
	file := filepath.Join(folder, "device.key")
	key, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what signs device cookies: %w", err)
	}
	if len(key) == deviceKeyLength {
		return key, nil
	}
	key = make([]byte, deviceKeyLength)
	rand.Read(key) // never fails
	if err := provisioner.WriteFile(file, key); err != nil {
		return nil, fmt.Errorf("keep what signs device cookies: %w", err)
	}
	return key, nil
}
