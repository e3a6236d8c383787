# SPDX-License-Identifier: Apache-2.0
# One variant is one build directory: `make B=build/x` never mixes with another.

B      ?= build
PREFIX ?= /usr/local
CC     ?= gcc
CXX    ?= g++
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g

BINDIR     := $(PREFIX)/bin
SBINDIR    := $(PREFIX)/sbin
LIBEXECDIR := $(PREFIX)/libexec/turf
LIBDIR     := $(PREFIX)/lib/turf
MANDIR     := $(PREFIX)/share/man
COMPDIR    := $(PREFIX)/share/bash-completion/completions

VERSION := $(shell cat hack/version)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

include hack/mk/flags.mk
include hack/mk/deps.mk
include hack/mk/objects.mk
include hack/mk/noslated.mk
include hack/mk/shim.mk
include hack/mk/fetch.mk
include hack/mk/aworker.mk
include hack/mk/noslate-sim.mk
include hack/mk/tests.mk
include hack/mk/bench.mk
include hack/mk/lint.mk
include hack/mk/variants.mk
include hack/mk/install.mk

.PHONY: all deps clean help
all: $(PROGRAMS) ## build every program whose libraries are there

deps: ## install what the build and the tests need (root)
	hack/install-deps
	hack/typescript-deps

clean: ## remove what this variant built; unpacked packages in build/deps* stay
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name 'deps*' -exec rm -rf {} +

help: ## this list
	@grep -hE '^[a-z][a-z -]*:.*##' Makefile hack/mk/*.mk | sort | \
		awk -F ':.*## ' '{printf "  %-22s %s\n", $$1, $$2}'
