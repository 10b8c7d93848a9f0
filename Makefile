# Wheelhouse. `make help` lists what can be done.

SHELL   := /bin/bash
GO      ?= go
NPM     ?= npm
ARGS    ?=
GOTESTFLAGS ?=
PROVIDERS ?= embedded kind
TEST_NODE_IMAGE := wheelhouse/node-test:latest

# Once: a commit on the way must not give two versions.
ifndef VERSION
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
endif

AGENT   := labs/terminal/agent/dist/wheelhouse-agent-linux-$(shell $(GO) env GOARCH)
MACHINE := provisioner/embedded/machine/dist/wheelhouse-machine-linux-$(shell $(GO) env GOARCH)
INTRO   := content/intro/images/dist/intro-1.tar
PAGES   := web/dist/index.html
BINARY  := bin/wheelhouse

RELEASE := bin/release
ifndef PACKAGE_VERSION
PACKAGE_VERSION := $(shell packaging/version '$(VERSION)')
endif
# This machine's architecture, and the other where its compiler is installed.
ARCHES          ?= $(sort $(shell $(GO) env GOHOSTARCH) $(if $(shell command -v aarch64-linux-gnu-gcc),arm64) $(if $(shell command -v x86_64-linux-gnu-gcc),amd64))
# Who publishes packages says so here: MAINTAINER='Jane Doe <jane@example.com>'.
MAINTAINER      ?= Unofficial build of Wheelhouse <set-maintainer@example.org>
HOMEPAGE        ?=
PACK_KEY        ?=
SIGNING_KEY     ?=
# The last version whose dependencies all come from where Go modules of today do.
NFPM            := $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
MINISIGN        := $(GO) run aead.dev/minisign/cmd/minisign@v0.3.0

# Of static programs: Go's own resolver and user look-up, and no loading of SQLite's
# extensions.
TAGS    := netgo,osusergo,sqlite_omit_load_extension

go_files = $(shell find $(1) -name '*.go' -not -name '*_test.go')

# A program that is run from a checkout does not read the settings of a service that is
# installed on this machine.
export WHEELHOUSE_CONFIG ?= /dev/null

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: $(BINARY) ## Build everything into bin/wheelhouse

.PHONY: run
run: build ## Build everything, start Wheelhouse for one learner and print the link (ARGS="--flag …" are passed on)
	@exec $(BINARY) learn --build-pack $(ARGS)

.PHONY: web
web: $(PAGES) ## Build the pages into web/dist

.PHONY: parts
parts: $(AGENT) $(MACHINE) $(INTRO) $(PAGES) ## Build what the binary embeds: the pages, the programs that run in clusters, the intro app's images

# The stamp npm writes at the end of an install is newer than the lock file
# exactly when the installed packages are those of the lock file.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

$(PAGES): web/node_modules/.package-lock.json $(shell find web/src web/public -type f 2>/dev/null) $(wildcard web/*.ts web/*.html web/*.json web/*.js)
	cd web && $(NPM) run --silent build
	@touch $@

$(AGENT): $(call go_files,labs/terminal) labs/terminal/screen/widths.json go.mod
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags '-s -w' -o $@ ./labs/terminal/agent/cmd

$(MACHINE): $(call go_files,provisioner/embedded/machine) $(wildcard provisioner/embedded/machine/templates/*) go.mod
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags '-s -w' -o $@ ./provisioner/embedded/machine/cmd

$(INTRO): $(call go_files,content/intro) go.mod
	$(GO) run ./content/intro/image

$(BINARY): parts $(call go_files,.) $(shell find content/courses provisioner/pack/files provisioner/workstation provisioner/kind/workstation -type f 2>/dev/null) go.mod go.sum
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $@ .

.PHONY: pack
pack: build ## Build the runtime pack, which clusters without a container engine are made from (minutes, once; needs root)
	$(BINARY) pack build $(ARGS)

.PHONY: node-image
node-image: pack ## Make a node image for kind of the pack, so that kind needs no registry (needs root)
	$(BINARY) pack node-image $(ARGS)

# Clusters of kind are made from a node image of this very checkout where one can be
# made (WHEELHOUSE_NODE_IMAGE names another).
.PHONY: test
test: build ## Run the whole suite: Go, the pages, real clusters of each provider that can make some here, and a real browser
	@if [ "$$(id -u)" = 0 ] && [ "$$WHEELHOUSE_TEST_CLUSTERS" != none ]; then \
	  $(BINARY) pack build || exit 1; \
	  if [ -z "$$WHEELHOUSE_NODE_IMAGE" ] && $(BINARY) doctor --provider kind >/dev/null; then \
	    $(BINARY) pack node-image --tag $(TEST_NODE_IMAGE) || exit 1; \
	    export WHEELHOUSE_NODE_IMAGE=$(TEST_NODE_IMAGE); \
	  fi; \
	fi; \
	$(MAKE) --no-print-directory suite

# Packages come one after another, because real clusters want the machine for
# themselves; tests that say they are parallel wait most of the time.
.PHONY: suite
suite: build
	$(GO) vet ./...
	cd web && $(NPM) run --silent check && $(NPM) run --silent test
	$(GO) test -p 1 -parallel 6 -timeout 60m $(GOTESTFLAGS) ./...
	cd grader/compare && $(GO) vet . && $(GO) test $(GOTESTFLAGS) .
	cd provisioner/runtime/kubernetes && CGO_ENABLED=0 GOFLAGS=-trimpath $(GO) test -timeout 20m $(GOTESTFLAGS) ./...
	@$(MAKE) --no-print-directory e2e

.PHONY: test-attack
test-attack: build ## Attack embedded clusters with all that TestAttack has: limits, descriptors, links and the comparison of files take minutes and load the machine
	WHEELHOUSE_TEST_CLUSTERS=required WHEELHOUSE_TEST_ATTACK=all $(GO) test -timeout 30m -run '^TestAttack' $(GOTESTFLAGS) ./provisioner/embedded

.PHONY: race
race: parts ## Run the Go tests that need no cluster under the race detector
	WHEELHOUSE_TEST_CLUSTERS=none $(GO) test -race -timeout 20m ./...

# The doctor's exit status tells whether a provider can make clusters here. The
# journeys tagged @cluster are those whose outcome can depend on who makes them.
.PHONY: e2e
e2e: build ## Run the journeys in Chromium on real clusters: all of them on the first provider that can make some here, and those about clusters on the others (PROVIDERS="embedded kind")
	@journeys=; for provider in $(PROVIDERS); do \
	  if [ "$$WHEELHOUSE_TEST_CLUSTERS" = none ]; then \
	    echo "SKIPPED: the journeys in Chromium on $$provider, because WHEELHOUSE_TEST_CLUSTERS=none"; \
	  elif [ "$$WHEELHOUSE_TEST_CLUSTERS" = required ] || $(BINARY) doctor --provider $$provider >/dev/null; then \
	    echo "The journeys in Chromium, on clusters of $$provider:"; \
	    (cd web && WHEELHOUSE_PROVIDER=$$provider $(NPM) run --silent e2e -- $$journeys) || exit 1; \
	    journeys="--grep @cluster"; \
	  else \
	    echo "SKIPPED: the journeys in Chromium on $$provider, which can make no clusters here; bin/wheelhouse doctor --provider $$provider says why"; \
	  fi; \
	done

.PHONY: lint
lint: parts ## gofmt, vet, staticcheck and the front end's linter and type checker
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags machine ./e2e/machine
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	cd web && $(NPM) run --silent lint && $(NPM) run --silent check

# The guest's clusters are made of the pack that this machine has. SUITE names the
# Debian; DEBS a folder with packages to install instead of the program and the pack.
# Without KVM, a kernel of user-mode Linux (e2e/machine/build-kernel) is many times
# faster than QEMU's emulation: UML=FOLDER/linux.
SUITE ?= bookworm
DEBS  ?=
UML ?=
GUEST_FORM ?=
.PHONY: test-machine
test-machine: build ## Boot Debian in QEMU, make a cluster there, do a lab by the API, suspend, restart, reboot, delete, compare (SUITE=trixie; needs root, qemu-system-x86, mmdebstrap, a pack)
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	  { [ -n "$(DEBS)" ] || $(BINARY) pack export "$$out/pack.tar.zst"; } && \
	  CGO_ENABLED=0 $(GO) test -count=1 -tags machine -timeout 0 -v ./e2e/machine -run '^TestGuest$$' \
	    -suite $(SUITE) -binary $(abspath $(BINARY)) -pack "$$out/pack.tar.zst" -debs "$(abspath $(DEBS))" -uml "$(abspath $(UML))" $(GUEST_FORM)

.PHONY: test-machine-short
test-machine-short: GUEST_FORM = -short-form
test-machine-short: test-machine ## The short form of test-machine: the doctor, one cluster, its limits, its deletion

.PHONY: bench
bench: build ## Measure the promises of README.md: state to tick, twenty sessions, the grader beside others, claims, cold creation beside kind, terminals
	$(GO) test -run '^$$' -bench . -timeout 60m ./...
	cd grader/compare && $(GO) test -run '^$$' -bench . -timeout 20m .
	cd web && $(NPM) run --silent bench

.PHONY: verify
verify: build ## Prove every lab on fresh clusters: baseline, solution, wrong answers (ARGS="--provider kind")
	$(BINARY) lab verify $(ARGS)

.PHONY: image
image: ## Build the container image wheelhouse:$(VERSION)
	docker build --build-arg VERSION=$(VERSION) -t wheelhouse:$(VERSION) .

.PHONY: packages
packages: $(PAGES) ## Build static programs and the packages of wheelhouse, .deb and .rpm, into bin/release (ARCHES="amd64 arm64" MAINTAINER="Name <address>" HOMEPAGE=URL)
	@set -e; for arch in $(ARCHES); do \
	  echo "Building wheelhouse $(PACKAGE_VERSION) for $$arch"; \
	  GO='$(GO)' TAGS='$(TAGS)' VERSION='$(VERSION)' PACKAGE_VERSION='$(PACKAGE_VERSION)' NFPM='$(NFPM)' MAINTAINER='$(MAINTAINER)' HOMEPAGE='$(HOMEPAGE)' PACK_KEY='$(PACK_KEY)' \
	    packaging/build $$arch $(RELEASE); \
	done

.PHONY: release
release: pack packages ## Build all that is published into bin/release: programs, packages, the runtime pack as one too, SBOMs, checksums (SIGNING_KEY=minisign.key PACK_KEY=RW… sign; needs root)
	@GO='$(GO)' VERSION='$(VERSION)' PACKAGE_VERSION='$(PACKAGE_VERSION)' NFPM='$(NFPM)' MINISIGN='$(MINISIGN)' MAINTAINER='$(MAINTAINER)' HOMEPAGE='$(HOMEPAGE)' SIGNING_KEY='$(SIGNING_KEY)' \
	  packaging/release $(BINARY) $(RELEASE)

.PHONY: test-packages
test-packages: ## Build the packages for this machine and try them: contents, units, lintian, and install, upgrade, remove, purge in a Debian of their own (needs root, Debian, mmdebstrap, lintian, rpm)
	@command -v rpm >/dev/null || echo "SKIPPED: the tests of the .rpm packages, because there is no rpm (apt install rpm)"
	@$(MAKE) --no-print-directory packages ARCHES=$(shell $(GO) env GOHOSTARCH) RELEASE=$(RELEASE)
	WHEELHOUSE_PACKAGES=$(abspath $(RELEASE)) $(GO) test -tags packages -timeout 20m $(GOTESTFLAGS) ./packaging

.PHONY: clean
clean: ## Remove what was built (clusters and data stay)
	rm -rf bin web/node_modules
	find web/dist labs/terminal/agent/dist provisioner/embedded/machine/dist content/intro/images/dist -mindepth 1 -not -name .gitkeep -not -name '*.go' -delete
