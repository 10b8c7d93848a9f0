package content

import "strings"

// SystemNamespace reports whether a namespace belongs to the cluster itself, on every
// provider: nobody is asked to make something in it, and it is complete before a lab
// begins.
func SystemNamespace(name string) bool {
	return strings.HasPrefix(name, "kube-") || name == "local-path-storage"
}
