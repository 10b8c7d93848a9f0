// Package machine tests Wheelhouse on a machine of its own: a Debian with systemd and
// control groups of version 2, booted in QEMU. Its files have the build tag machine,
// since a guest takes minutes where there is KVM, and an hour where there is none.
//
// TestGuest (guest_test.go) runs on the host. It builds the guest's disk from Debian's
// packages (build-guest), puts the program, a runtime pack and this very test on a
// second disk, and boots. TestInside (inside_test.go) runs in the guest, as root: it
// installs Wheelhouse, does a lab by the server's API as a student's page would, and
// compares the machine before and after.
//
// Where there is no KVM, a kernel of user-mode Linux boots the same disk without
// emulation: build-kernel makes one with all that clusters need (kernel.config), and
// UML=FOLDER/linux has it used. It has one processor and no cpuset controller, and its
// system calls are slow, so it says nothing about speed.
//
// `make test-machine` runs it, `make test-machine-short` its short form.
package machine
