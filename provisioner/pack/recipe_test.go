package pack_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wheelhouse/provisioner"
	"wheelhouse/provisioner/pack"
)

func TestRelations(t *testing.T) {
	got := pack.Relations("libc6 (>= 2.34), default-dbus | dbus-bus, perl:any, mawk|gawk (<< 3)")
	want := []string{"libc6", "default-dbus|dbus-bus", "perl", "mawk|gawk"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClosure(t *testing.T) {
	needs := map[string][]string{
		"nginx": {"nginx-common", "libc6", "mta|postfix"}, "nginx-common": {"debconf|cdebconf", "awk"}, "libc6": {"libgcc"},
		"libgcc": {"libc6"}, "debconf": {"perl"}, "perl": nil, "postfix": nil, "mawk": nil, "unrelated": nil,
	}
	provides := map[string][]string{"mawk": {"awk"}}
	for _, test := range []struct {
		names, without, want string
	}{
		{"libgcc", "", "libc6 libgcc"},
		{"nginx", "", "debconf libc6 libgcc mawk nginx nginx-common perl postfix"},
		{"nginx", "debconf mta", "libc6 libgcc mawk nginx nginx-common"},
	} {
		got, err := pack.Closure(needs, provides, strings.Fields(test.names), strings.Fields(test.without))
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s without %s: got %v %v, want %s", test.names, test.without, got, err, test.want)
		}
	}
	if _, err := pack.Closure(needs, provides, []string{"missing"}, nil); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got error %v, want one that names the package", err)
	}
}

func TestLicenceName(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n  Version 2.0, January 2004":                                                                "Apache-2.0",
		"Permission is hereby granted, free of charge, to\nany person obtaining a copy":                              "MIT",
		"Redistribution and use in source and binary forms … Neither the name … used to endorse or promote products": "BSD-3-Clause",
		"Redistribution and use in source and binary forms":                                                          "BSD-2-Clause",
		"Apache License Version 2.0 … Redistribution and use in source and binary forms":                             "Apache-2.0 AND BSD-2-Clause",
		"something of their own": "",
	} {
		if got := pack.LicenceName(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestNotDownloaded has what Go prints where there is no network.
func TestNotDownloaded(t *testing.T) {
	for text, module := range map[string]string{
		`go: github.com/opencontainers/runc@v1.5.2: Get "https://proxy.golang.org/github.com/opencontainers/runc/@v/v1.5.2.mod": dial tcp: lookup proxy.golang.org: no such host`: "github.com/opencontainers/runc@v1.5.2",
		`go: k8s.io/api@v0.36.3: module lookup disabled by GOPROXY=off`:                                       "k8s.io/api@v0.36.3",
		`go: k8s.io/api@v0.36.3: reading https://proxy.golang.org/k8s.io/api/@v/v0.36.3.zip: 502 Bad Gateway`: "k8s.io/api@v0.36.3",
		"./main.go:3:5: undefined: x": "",
	} {
		err := pack.NotDownloaded(errors.New(text))
		known, ok := errors.AsType[*provisioner.Error](err)
		if ok != (module != "") {
			t.Errorf("%s: got %v", text, err)
		}
		if ok && (!strings.Contains(known.Message, module) || !strings.Contains(known.Message, "pack import")) {
			t.Errorf("%s: got message %q, want %s in it", text, known.Message, module)
		}
	}
}

func TestBuildNeedsSources(t *testing.T) {
	_, err := pack.Build(t.Context(), pack.Options{Cache: t.TempDir(), Source: "/nowhere"}, nil)
	wantError(t, err, "/nowhere", "--source", "pack import")
	empty := t.TempDir()
	_, err = pack.Build(t.Context(), pack.Options{Cache: t.TempDir(), Source: empty}, nil)
	wantError(t, err, empty)
}
