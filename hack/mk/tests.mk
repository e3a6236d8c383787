# SPDX-License-Identifier: Apache-2.0
# Everything that judges: unit tests, integration scripts, the JavaScript corpus, fuzzers, lint.
# tests/README.md says what each kind may assume. Every suite runs inside hack/cage.

TEST_NAMES := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
# How those of aworker/, shim/ and noslate-sim are linked say aworker.mk, shim.mk and noslate-sim.mk.
UNIT_TESTS := $(patsubst %,$(B)/tests/%,$(filter-out test_aworker_% test_shim_% test_sim_%,$(TEST_NAMES)))

$(UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcheck -lsubunit $(EXTERN_LIBS) -lrt -pthread

# Small static programs for the integration scripts: they run in empty root file systems, and
# judge our code without sharing any of it. Never built with sanitizers.
HELPERS := $(patsubst tests/integration/%.c,$(B)/tests/%,$(wildcard tests/integration/*.c)) \
	$(B)/tests/probe
vpath %.c tests/integration tests/probe
$(HELPERS): $(B)/tests/%: %.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -I. $(CPPFLAGS) -std=gnu11 $(WARN) $(WARN_C) $(CFLAGS) -static -o $@ $<

# Native code in the place of a worker: tests of what a hostile one can do.
$(B)/tests/hostile: $(patsubst %,$(B)/obj/tests/hostile/%.o,hostile forge rest) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS)
HELPERS += $(B)/tests/hostile

# The fuzz targets: with main() of standalone.c they replay their corpus, with libFuzzer's they
# search. Those of aworker/, shim/ and noslate-sim are linked by aworker.mk, shim.mk and noslate-sim.mk.
FUZZ_NAMES   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TARGETS := $(patsubst %,$(B)/tests/%,$(filter-out fuzz_aworker_% fuzz_shim_% fuzz_sim_%,$(FUZZ_NAMES)))
FUZZ_MAIN    := $(if $(LIBFUZZER),,$(B)/obj/tests/fuzz/standalone.o)

$(FUZZ_TARGETS): $(B)/tests/%: $(B)/obj/tests/fuzz/%.o $(FUZZ_MAIN) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(if $(LIBFUZZER),-fsanitize=fuzzer) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS)

ALL_UNIT_TESTS   := $(UNIT_TESTS) $(AWORKER_UNIT_TESTS) $(SHIM_UNIT_TESTS) $(SIM_UNIT_TESTS)
ALL_FUZZ_TARGETS := $(FUZZ_TARGETS) $(AWORKER_FUZZ_TARGETS) $(SHIM_FUZZ_TARGETS) $(SIM_FUZZ_TARGETS)
SCRIPTS          := $(filter-out tests/integration/lib% %/cri.sh %/files-many.sh %/shim.sh %/worker-pod.sh,$(sort $(wildcard tests/integration/*.sh)))
# What needs no more of the host than ports and files of its own.
WORKER_SCRIPTS   := $(filter %/event-source.sh %/fetch.sh %/inspect.sh %/noslated-data.sh %/programs.sh %/sim.sh %/websocket.sh \
	tests/integration/aworker%,$(SCRIPTS))
INTEGRATION      := $(filter-out $(WORKER_SCRIPTS),$(SCRIPTS))
# The longest first, so that both processors end at the same time.
JS_MODES         := $(if $(wildcard tests/js/run),image-gc gc plain warmfork snapshot image)
SUITES           := unit fuzz js worker integration cgroups

# Once more, where the host can pretend to have other cgroups: only v1, and only v2, without the
# controllers that are v1's here, so without the scripts that need limits.
ON_V1 := $(if $(wildcard /sys/fs/cgroup/unified),console events hooks killed pause update verbs)
ON_V2 := $(if $(wildcard /sys/fs/cgroup/pids),console hooks killed pause rootless verbs)
# Our own shim, on the containerd that is installed and on a newer one; check-shim has every pair,
# and runc.
WITH_SHIM := 'tests/integration/containerd.sh turf' 'tests/integration/cri.sh installed turf' \
	'tests/integration/cri.sh 2 turf shim' 'tests/integration/shim.sh 2 turf' \
	'tests/integration/worker-pod.sh 2 shim'
SHIM_PAIRS := $(foreach v,installed 1.7 2,$(foreach r,turf runc,'tests/integration/shim.sh $(v) $(r)') \
	$(foreach h,turf turf-runc,'tests/integration/cri.sh $(v) $(h)')) 'tests/integration/cri.sh 2 turf shim' \
	'tests/integration/worker-pod.sh installed'
PRETENDED := $(foreach t,$(ON_V1),'tests/integration/$(t).sh v1') \
	$(foreach t,$(ON_V2),'tests/integration/$(t).sh v2')

RESULTS := $(B)/results
# T=PATTERN narrows a suite: make check-integration T='*seed*'
RUN_SUITE = B=$(abspath $(B)) hack/cage hack/run-tests $(if $(T),-o '$(T)') -c $(RESULTS)

.PHONY: check-chromium
check-chromium: $(PROGRAMS) ## Chromium's DevTools debug a worker, noslated's dashboard in it (installs chromium)
	$(Q)hack/install-deps --chromium
	$(Q)$(RUN_SUITE)/chromium tests/chromium/devtools.sh tests/chromium/dashboard.sh

.PHONY: check check-shim check-unit check-integration check-cgroups check-js check-fuzz check-programs \
	check-worker
check-programs: $(PROGRAMS) $(ALL_UNIT_TESTS) $(ALL_FUZZ_TARGETS) $(HELPERS)

# All suites run, whatever the first ones say; the sum of all is the last line.
check: check-programs ## every test, with the sum as the last line (hack/check installs first)
	$(Q)rm -rf $(RESULTS)
	$(Q)for suite in $(SUITES); do $(MAKE) --no-print-directory check-$$suite || :; done
	$(Q)hack/run-tests -s $(RESULTS) $(SUITES)

check-unit: $(ALL_UNIT_TESTS) $(PROGRAMS) ## unit tests only
	$(Q)$(RUN_SUITE)/unit $(ALL_UNIT_TESTS)

check-worker: $(PROGRAMS) $(HELPERS) ## integration scripts of the worker alone
	$(Q)$(RUN_SUITE)/worker -j 2 $(WORKER_SCRIPTS)

check-integration: $(PROGRAMS) $(HELPERS) ## the other integration scripts
	$(Q)$(RUN_SUITE)/integration $(INTEGRATION) $(WITH_SHIM)

.PHONY: check-files
check-files: $(PROGRAMS) $(HELPERS) ## 1000 workers that read files through Linux AIO at a time (7 GiB of memory)
	$(Q)$(RUN_SUITE)/files tests/integration/files-many.sh

check-shim: $(PROGRAMS) $(HELPERS) ## the shim over each containerd and runtime; CONTAINERS=500 KILLS=200 PODS=20 for long ones
	$(Q)$(RUN_SUITE)/shim $(SHIM_PAIRS)

check-cgroups: $(PROGRAMS) $(HELPERS) ## some of them, on pretended hosts with other cgroups
	$(Q)$(RUN_SUITE)/cgroups $(PRETENDED)

check-js: $(PROGRAMS) ## the JavaScript corpus only: plain, from snapshot, after warmfork, from an image, under GC stress
	$(Q)$(RUN_SUITE)/js -j 2 $(foreach mode,$(JS_MODES),'tests/js/run $(mode)')

check-fuzz: $(ALL_FUZZ_TARGETS) ## replay the fuzzers' corpora
	$(Q)$(RUN_SUITE)/fuzz -j 2 $(foreach f,$(ALL_FUZZ_TARGETS),'$(f) tests/fuzz/corpus/$(patsubst $(B)/tests/fuzz_%,%,$(f))')

# What depends on the kernel and its cgroups; hack/vm runs it where others are than here.
KERNEL_TESTS := $(foreach t,cgroup box hooks seed,$(filter $(B)/tests/test_$(t)%,$(ALL_UNIT_TESTS)))

# On other cgroups of the same kernel, what needs nothing of the host is the same.
.PHONY: check-kernel check-kernel-cgroups check-vm
check-kernel check-kernel-cgroups: $(KERNEL_TESTS) $(PROGRAMS) $(HELPERS)
	$(Q)CONTAINERS=$(or $(CONTAINERS),12) KILLS=$(or $(KILLS),2) PODS=$(or $(PODS),2) \
		TURF_TEST_TIMEOUT=$(or $(TURF_TEST_TIMEOUT),900) TURF_JS_TIMEOUT=$(or $(TURF_JS_TIMEOUT),300) \
		$(RUN_SUITE)/kernel $(KERNEL_TESTS) $(if $(filter %-cgroups,$@),$(INTEGRATION),$(SCRIPTS)) \
		'tests/integration/shim.sh installed turf'

check-vm: ## what depends on the kernel, on virtual machines: cgroup v2, v1, and systemd (slow)
	$(Q)hack/vm v2
	$(Q)VM_KEEP=1 VM_BOOTS=2 hack/vm v2 tests/vm/reboot.sh
	$(Q)VM_KEEP=1 hack/vm v1
	$(Q)VM_KEEP=1 hack/vm systemd
	$(Q)VM_KEEP=1 hack/vm systemd-hybrid

# WPT_TREE names a tree that is there already; T='url dom/abort' are areas instead of all.
.PHONY: wpt
wpt: $(PROGRAMS) ## Web Platform Tests against tests/wpt/expected.json (fetches 683 MB once)
	$(Q)$(if $(WPT_TREE),,hack/wpt build/wpt)
	$(Q)hack/cage tests/wpt/run --check --server wptserve --tree $(or $(WPT_TREE),build/wpt) \
		--aworker $(B)/aworker --json $(B)/wpt.json --jobs $(or $(JOBS),2) $(T)
