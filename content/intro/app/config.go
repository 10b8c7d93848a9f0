package app

import (
	"cmp"
	"os"
	"slices"
	"strings"
)

// Config is what the environment tells the application.
type Config struct {
	Version string   // INTRO_VERSION, set by the image
	Host    string   // the host name, which in a pod is the pod's name
	Port    string   // PORT, 8080 where it is not set
	Who     string   // WHO deployed this
	Likes   string   // LIKES: what that person likes
	Env     []string // the whole environment, sorted, to be shown
}

// ConfigFrom reads the environment, in the form of os.Environ.
func ConfigFrom(environ []string) Config {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // a page without a host name is better than none
	}
	return Config{
		Version: cmp.Or(values["INTRO_VERSION"], "0"),
		Host:    cmp.Or(values["HOSTNAME"], host),
		Port:    cmp.Or(values["PORT"], "8080"),
		Who:     strings.TrimSpace(values["WHO"]),
		Likes:   strings.TrimSpace(values["LIKES"]),
		Env:     slices.Sorted(slices.Values(environ)),
	}
}
