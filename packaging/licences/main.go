// Command licences prints the licences of all Go modules that are linked into a
// program, and of the packages that the built front end is made of. The packages of
// Wheelhouse bring what it prints.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wheelhouse/provisioner/pack"
	"wheelhouse/web"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: licences PROGRAM")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func write(program string) error {
	texts, err := pack.LicencesOf(context.Background(), program)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(texts); err != nil {
		return err
	}
	packages, err := web.Packages()
	if err != nil {
		return err
	}
	for _, p := range packages {
		dir := filepath.Join("web/node_modules", filepath.FromSlash(p.Name))
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("the packages of the front end are not installed (make web): %w", err)
		}
		text := pack.LicenceText(dir)
		if text == "" {
			text = "(the package brings no licence file; it names " + p.License + ")"
		}
		if _, err := fmt.Printf("%s\n%s@%s\n\n%s\n\n", strings.Repeat("=", 80), p.Name, p.Version, strings.TrimSpace(text)); err != nil {
			return err
		}
	}
	return nil
}
