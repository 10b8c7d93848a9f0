package pack

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wheelhouse/provisioner/command"
)

// addComponents lists every module that is linked into the programs, as Go noted
// it in them. It returns the texts of their licences.
func (m *Manifest) addComponents(ctx context.Context, programs []string) ([]byte, error) {
	out, err := command.Output(exec.CommandContext(ctx, "go", "env", "GOMODCACHE"))
	if err != nil {
		return nil, err
	}
	modules := strings.TrimSpace(string(out))
	found := map[string]*Component{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, err
		}
		m.Go = info.GoVersion
		for _, module := range append(info.Deps, &info.Main) {
			if strings.HasPrefix(module.Path, "wheelhouse") {
				continue // ours
			}
			version, sum, path := module.Version, module.Sum, module.Path
			if module.Replace != nil {
				version, sum, path = module.Replace.Version, module.Replace.Sum, module.Replace.Path
			}
			key := path + "@" + version
			if found[key] == nil {
				found[key] = &Component{Name: cmp.Or(moduleNames[path], path), Version: version, Module: path, Sum: sum}
			}
			found[key].In = append(found[key].In, filepath.Base(program))
		}
	}
	var texts bytes.Buffer
	shared := map[string][]string{} // text -> modules
	for key, c := range found {
		text := LicenceText(filepath.Join(modules, escape(c.Module)+"@"+c.Version))
		c.License = cmp.Or(licenceName(text), "see "+Licences)
		shared[text] = append(shared[text], key)
		m.Components = append(m.Components, *c)
	}
	slices.SortFunc(m.Components, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	type block struct {
		names []string
		text  string
	}
	var blocks []block
	for text, names := range shared {
		slices.Sort(names)
		blocks = append(blocks, block{names, text})
	}
	slices.SortFunc(blocks, func(a, b block) int { return slices.Compare(a.names, b.names) })
	for _, b := range blocks {
		fmt.Fprintf(&texts, "%s\n%s\n\n%s\n\n", strings.Repeat("=", 80), strings.Join(b.names, "\n"), strings.TrimSpace(cmp.Or(b.text, "(the module brings no licence file)")))
	}
	return texts.Bytes(), nil
}

// LicencesOf returns the texts of the licences of all Go modules that are linked into
// a program: of those in the module cache, which built it.
func LicencesOf(ctx context.Context, program string) ([]byte, error) {
	return new(Manifest).addComponents(ctx, []string{program})
}

// escape writes a module's path as the module cache does: capitals as !lower.
func escape(path string) string {
	return regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(path, func(c string) string { return "!" + strings.ToLower(c) })
}

// LicenceText returns what the files in the folder of a module or package say of its
// licence; empty where there is none.
func LicenceText(dir string) string {
	entries, _ := os.ReadDir(dir)
	var text strings.Builder
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		if !entry.Type().IsRegular() || strings.HasSuffix(name, ".GO") {
			continue
		}
		for _, word := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"} {
			if strings.HasPrefix(name, word) {
				some, _ := os.ReadFile(filepath.Join(dir, entry.Name()))
				text.Write(some)
				text.WriteString("\n")
				break
			}
		}
	}
	return text.String()
}

// licenceName recognises the common licences by sentences that only they have.
// A module with several names them all.
func licenceName(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	var names []string
	has := func(s string) bool { return strings.Contains(text, s) }
	if has("Apache License") && has("Version 2.0") {
		names = append(names, "Apache-2.0")
	}
	if has("Permission is hereby granted, free of charge, to any person obtaining a copy") {
		names = append(names, "MIT")
	}
	if has("Redistribution and use in source and binary forms") {
		if has("endorse or promote products") {
			names = append(names, "BSD-3-Clause")
		} else {
			names = append(names, "BSD-2-Clause")
		}
	}
	if has("Mozilla Public License Version 2.0") || has("Mozilla Public License, version 2.0") {
		names = append(names, "MPL-2.0")
	}
	if has("Permission to use, copy, modify, and/or distribute this software") || has("Permission to use, copy, modify, and distribute this software") {
		names = append(names, "ISC")
	}
	if has("free and unencumbered software released into the public domain") {
		names = append(names, "Unlicense")
	}
	if has("GNU LESSER GENERAL PUBLIC LICENSE") {
		names = append(names, "LGPL")
	}
	if has("CC0 1.0 Universal") {
		names = append(names, "CC0-1.0")
	}
	return strings.Join(names, " AND ")
}

// licence returns the licences that a Debian package's copyright file names;
// empty where it does not do so for machines.
func (t *tree) licence(name string) string {
	doc := "usr/share/doc/" + name
	if e := t.entries[doc]; e != nil && e.link != "" { // it shares another package's
		doc = "usr/share/doc/" + e.link
	}
	e := t.entries[doc+"/copyright"]
	if e == nil {
		return ""
	}
	var names []string
	for line := range strings.Lines(string(e.text)) {
		if licence, ok := strings.CutPrefix(line, "License:"); ok {
			if licence = strings.TrimSpace(licence); licence != "" && !slices.Contains(names, licence) {
				names = append(names, licence)
			}
		}
	}
	return strings.Join(names, "; ")
}
