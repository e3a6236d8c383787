# SPDX-License-Identifier: Apache-2.0
# Judging the text. hack/lint judges the tree as a whole; compilers and analysers go file by file,
# and only over what changed since they were content (stamps in $(B)/lint).

LINT_C  := $(wildcard runtime/*.c runtime/*/*.c oci-spec/*.c seed/*.c seed/*/*.c shim/*.c aworker/*.c \
	debugger/*.c tests/unit/*.c tests/integration/*.c tests/fuzz/*.c tests/bench/*.c tests/probe/*.c)
LINT_CC := $(if $(V8_PREFIX),$(wildcard aworker/v8/*.cc))
LINT_H  := $(wildcard runtime/*.h runtime/*/*.h oci-spec/*.h seed/*.h seed/*/*.h shim/*.h aworker/*.h \
	aworker/v8/*.h debugger/*.h tests/unit/*.h tests/bench/*.h)
LINT_SRC := $(filter-out $(if $(V8_PREFIX),,aworker/%),$(LINT_C))
LINT_CPPFLAGS = $(OUR_CPPFLAGS) $(LLHTTP_CPPFLAGS) $(AWORKER_CPPFLAGS)

# Off is what cannot be judged here: no analyser of Debian 12 knows cleanup attributes (leaks; the
# sanitizers find them), nor that a function returns negative exactly when it left its result unset.
TIDY_CHECKS := -*,clang-analyzer-*,bugprone-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-unix.Malloc,-clang-analyzer-core.UndefinedBinaryOperatorResult,-clang-analyzer-core.uninitialized.*,-clang-analyzer-core.CallAndMessage,-clang-analyzer-core.NullDereference,-clang-analyzer-core.NonNullParamChecker,-clang-analyzer-security.insecureAPI.strcpy,-bugprone-sizeof-expression,-bugprone-suspicious-missing-comma,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-macro-parentheses,-bugprone-suspicious-include,-bugprone-signal-handler

.PHONY: lint lint-tree lint-format lint-files fmt
lint: ## everything that judges the text: tree, format, analysers, manual pages
	$(Q)$(MAKE) --no-print-directory -k lint-tree lint-format lint-files

lint-tree: $(PROGRAMS)
	$(Q)B=$(B) hack/lint

lint-format:
	$(Q)clang-format --dry-run -Werror $(LINT_C) $(LINT_CC) $(LINT_H)

fmt: ## lay out all C and C++ by .clang-format
	$(Q)clang-format -i $(LINT_C) $(LINT_CC) $(LINT_H)

lint-files: $(patsubst %,$(B)/lint/%.ok,$(LINT_SRC) $(LINT_CC))

# Generated headers come first: the programs need them too.
$(B)/lint/%.c.ok: %.c $(LINT_H) | $(PROGRAMS)
	$(call say,LINT,$<)
	$(Q)mkdir -p $(@D)
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability \
		--inline-suppr --suppress=missingIncludeSystem --suppress=missingInclude \
		--suppress=unknownMacro --suppress=memleak --suppress=resourceLeak --suppress=nullPointerOutOfMemory \
		--suppress=nullPointerArithmeticOutOfMemory -D_GNU_SOURCE -D__linux__ -I. $<
	$(Q)clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY_CHECKS)' $< -- \
		-std=gnu11 $(LINT_CPPFLAGS) 2>$@.log || { cat $@.log; exit 1; }
	$(if $(filter tests/%,$<),,$(Q)$(CC) $(LINT_CPPFLAGS) -std=gnu11 -O1 -fanalyzer -Werror \
		-Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak \
		-Wno-analyzer-null-dereference -c -o /dev/null $<)
	$(Q)touch $@

$(B)/lint/%.cc.ok: %.cc $(LINT_H) | $(PROGRAMS)
	$(call say,LINT,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY_CHECKS)' $< -- \
		-std=c++17 -fno-rtti -fno-exceptions $(LINT_CPPFLAGS) -isystem $(V8_INCLUDE) \
		2>$@.log || { cat $@.log; exit 1; }
	$(Q)touch $@
