# SPDX-License-Identifier: Apache-2.0
# What is installed, as SOURCE=TARGET=MODE with targets below DESTDIR. Pages and completions are
# found beside their programs: FOLDER/PROGRAM.8, FOLDER/PROGRAM.bash. The worker comes with its
# private copy of libnode, where there is a V8.

INSTALL_PROGRAMS := \
	$(B)/turf=$(BINDIR)/turf=755 \
	$(B)/containerd-shim-turf-v2=$(BINDIR)/containerd-shim-turf-v2=755 \
	$(B)/turf-seed=$(LIBEXECDIR)/turf-seed=755 \
	$(foreach p,$(filter-out %/noslate-code,$(filter $(B)/noslat%,$(PROGRAMS))),$(p)=$(BINDIR)/$(notdir $(p))=755) \
	$(foreach p,$(filter %/noslate-code,$(PROGRAMS)),$(p)=$(LIBEXECDIR)/$(notdir $(p))=755) \
	$(B)/turf-systemd=$(LIBEXECDIR)/turf-systemd=755 \
	$(if $(filter $(B)/aworker,$(PROGRAMS)),$(B)/aworker=$(BINDIR)/aworker=755 \
		$(B)/aworker-loader=$(LIBEXECDIR)/aworker-loader=755 \
		$(NODE_LIB)=$(LIBDIR)/$(notdir $(NODE_LIB))=644 \
		$(if $(TYPESCRIPT),$(B)/lib/typescript.js=$(LIBDIR)/typescript.js=644))

WITH_PAGES  := runtime seed seed/noslated seed/noslated/ctl seed/noslated/sim aworker shim debugger
PAGES       := $(wildcard $(WITH_PAGES:%=%/*.[18]))
COMPLETIONS := $(wildcard $(WITH_PAGES:%=%/*.bash))

DEPLOY := $(wildcard shim/deploy/*)
UNITS  := $(wildcard seed/*.service seed/noslated/*.service)

INSTALL_LIST := $(INSTALL_PROGRAMS) \
	$(foreach d,$(DEPLOY),$(d)=$(PREFIX)/share/turf/deploy/$(notdir $(d))=$(if $(filter %/node,$(d)),755,644)) \
	$(foreach u,$(UNITS),$(u)=$(PREFIX)/lib/systemd/system/$(notdir $(u))=644) \
	$(foreach p,$(PAGES),$(p)=$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(notdir $(p))=644) \
	$(foreach c,$(COMPLETIONS),$(c)=$(COMPDIR)/$(basename $(notdir $(c)))=644)
# Folders that are ours alone. Programs also find each other, and libnode, relative to where they
# are: below DESTDIR, and wherever the tree is moved to.
INSTALL_DIRS := $(LIBEXECDIR) $(LIBDIR) $(PREFIX)/share/turf/deploy $(PREFIX)/share/turf

.PHONY: install uninstall dist
install: all ## into PREFIX (/usr/local) below DESTDIR
	$(Q)for entry in $(INSTALL_LIST); do \
		source=$${entry%%=*}; mode=$${entry##*=}; target=$${entry#*=}; target=$${target%=*}; \
		install -D -m "$$mode" "$$source" "$(DESTDIR)$$target" || exit 1; \
		echo "  INSTALL $(DESTDIR)$$target"; \
	done

uninstall: ## exactly what install put there
	$(Q)for entry in $(INSTALL_LIST); do \
		target=$${entry#*=}; rm -f "$(DESTDIR)$${target%=*}"; \
	done
	$(Q)for dir in $(INSTALL_DIRS); do \
		[ ! -d "$(DESTDIR)$$dir" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir"; \
	done

dist: ## build/turf-VERSION.tar.gz of what git HEAD holds
	$(Q)mkdir -p $(B)
	$(Q)git archive --prefix=turf-$(VERSION)/ -o $(B)/turf-$(VERSION).tar.gz HEAD
	$(call say,TAR,$(B)/turf-$(VERSION).tar.gz)
