// Package workstation holds the files that make a workstation ours, whatever
// provider it belongs to: how its shell, its editor and Tab behave. It does not
// know how a workstation is made; provisioner/kind and provisioner/pack do.
package workstation

import "embed"

// Files are bashrc (for /etc/bash.bashrc), nanorc (for /etc), profile (for
// ~/.profile, by way of /etc/skel) and k.bash (for bash-completion's folder, as
// k).
//
//go:embed bashrc nanorc profile k.bash
var Files embed.FS
