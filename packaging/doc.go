// Package packaging holds what the packages of Wheelhouse are made of: units, settings,
// limits of the kernel, and the scripts that run when a package is installed, upgraded
// and removed. `make packages` builds them, `make release` all that is published, and
// the tests of this folder try them (`make test-packages`).
package packaging
