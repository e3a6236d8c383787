# SPDX-License-Identifier: Apache-2.0
# The same tree built another way, each in a build directory of its own.

# LeakSanitizer stops its process by ptrace, which a process without privileges may not do: it
# looks for leaks in the unit tests and fuzzers, which may. V8 itself is not instrumented.
export ASAN_OPTIONS  ?= abort_on_error=0:detect_stack_use_after_return=0:allocator_may_return_null=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export LSAN_OPTIONS  ?= suppressions=$(CURDIR)/hack/lsan.supp:print_suppressions=0

VARIANT = $(Q)+$(MAKE) --no-print-directory

.PHONY: asan clang fuzz fuzz-run cov compdb fresh demo
asan: ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	$(VARIANT) B=build/asan SANITIZE=address,undefined TURF_TEST_TIMEOUT=900 check

clang: ## build everything with clang, warnings are errors
	$(VARIANT) B=build/clang CC=clang CXX=clang++ WERROR=1 all

FUZZ_SECONDS ?= 30
fuzz: ## every fuzzer for FUZZ_SECONDS (30) with libFuzzer
	$(VARIANT) B=build/fuzz CC=clang CXX=clang++ LIBFUZZER=1 SANITIZE=address,undefined fuzz-run

fuzz-run: $(ALL_FUZZ_TARGETS)
	$(Q)hack/cage hack/run-fuzz $(B) $(FUZZ_SECONDS) $(ALL_FUZZ_TARGETS)

cov: ## line coverage of the C code by the unit tests
	$(VARIANT) B=build/cov CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage check-unit
	$(Q)cd build/cov && find obj -name '*.gcda' ! -path '*/tests/*' -exec gcov -n -r {} + 2>/dev/null | \
		awk '/^File/ { f = $$2 } /^Lines/ { split($$2, a, /[:%]/); printf "%6.1f %% of %s %s\n", a[2], $$4, f }' | \
		sort -n

# One entry per source, for clangd and the like.
compdb_entry = {"directory": "$(CURDIR)", "file": "$(1)", "command": "$(subst ",\",$(CC) -std=gnu11 $(LINT_CPPFLAGS) -c $(1))"}
comma := ,
compdb: ## compile_commands.json in the build directory
	$(Q)mkdir -p $(B)
	$(file >$(B)/compile_commands.json,[$(subst } {,}$(comma){,$(foreach f,$(LINT_SRC),$(call compdb_entry,$(f))))])
	$(call say,JSON,$(B)/compile_commands.json)

fresh: ## build and test in a minimal Debian; SUITE=bookworm or trixie
	$(Q)hack/fresh $(or $(SUITE),bookworm)

demo: ## a worker in a container, warm and cold (hack/demo works without make, too)
	$(Q)hack/demo
