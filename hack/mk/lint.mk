# SPDX-License-Identifier: Apache-2.0
# Judging the text. hack/lint judges the tree as a whole; compilers and analysers go file by file,
# and only over what changed since they were content (stamps in $(B)/lint).

LINT_C  := $(wildcard runtime/*.c runtime/*/*.c oci-spec/*.c seed/*.c seed/*/*.c seed/*/*/*.c shim/*.c aworker/*.c aworker/*/*.c \
	debugger/*.c tests/unit/*.c tests/integration/*.c tests/fuzz/*.c tests/bench/*.c tests/probe/*.c \
	tests/hostile/*.c tests/noslated/*.c)
LINT_CC := $(if $(V8_PREFIX),$(wildcard aworker/v8/*.cc))
LINT_H  := $(wildcard runtime/*.h runtime/*/*.h oci-spec/*.h seed/*.h seed/*/*.h seed/*/*/*.h shim/*.h aworker/*.h aworker/*/*.h \
	debugger/*.h tests/unit/*.h tests/bench/*.h tests/noslated/*.h)
LINT_SRC := $(filter-out $(if $(V8_PREFIX),,aworker/%),$(LINT_C))
LINT_CPPFLAGS = $(OUR_CPPFLAGS) $(LLHTTP_CPPFLAGS) -DTEST_LIBNODE='"$(abspath $(LIBNODE))"'

# One analyser of paths is enough: gcc's takes a fifth of clang's time. Off is what it cannot judge:
# it knows no cleanup attributes (leaks; the sanitizers find them), nor that a function returns
# negative exactly when it left its result unset.
ANALYZER := -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak \
	-Wno-analyzer-null-dereference -Wno-analyzer-null-argument
TIDY_OFF := assignment-in-if-condition easily-swappable-parameters \
	implicit-widening-of-multiplication-result macro-parentheses narrowing-conversions \
	reserved-identifier signal-handler sizeof-expression suspicious-include suspicious-missing-comma
empty :=
TIDY_CHECKS := $(subst $(empty) $(empty),,-*,bugprone-*$(TIDY_OFF:%=,-bugprone-%))
TIDY = clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY_CHECKS)'
CPPCHECK_OFF := missingIncludeSystem missingInclude unknownMacro memleak resourceLeak \
	nullPointerOutOfMemory nullPointerArithmeticOutOfMemory
CPPCHECK = cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability \
	--inline-suppr $(CPPCHECK_OFF:%=--suppress=%) -D_GNU_SOURCE -D__linux__ -I.

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
	$(Q)$(CPPCHECK) $<
	$(Q)$(TIDY) $< -- -std=gnu11 $(LINT_CPPFLAGS) 2>$@.log || { cat $@.log; exit 1; }
	$(if $(filter tests/%,$<),,$(Q)$(CC) $(LINT_CPPFLAGS) -std=gnu11 -O1 $(ANALYZER) -Werror \
		-c -o /dev/null $<)
	$(Q)touch $@

$(B)/lint/%.cc.ok: %.cc $(LINT_H) | $(PROGRAMS)
	$(call say,LINT,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(TIDY) $< -- -std=c++17 -fno-rtti -fno-exceptions $(LINT_CPPFLAGS) \
		-isystem $(V8_INCLUDE) 2>$@.log || { cat $@.log; exit 1; }
	$(Q)touch $@
