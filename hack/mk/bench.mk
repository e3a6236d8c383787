# SPDX-License-Identifier: Apache-2.0
# Measurements: tests/bench/bench_NAME.c is `make bench-NAME`. They give figures and never fail.

BENCHES     := $(patsubst tests/bench/bench_%.c,%,$(wildcard tests/bench/bench_*.c))
BENCH_OBJS  := $(patsubst %,$(B)/obj/tests/bench/%.o,bench report)
BENCH_BINS  := $(patsubst %,$(B)/bench/bench_%,$(BENCHES))
# Programs of one file, free of our code: what others are measured against, and with.
BENCH_TOOLS := $(patsubst %,$(B)/bench/%,forkserver_floor runtime_floor peak)

$(B)/bench/bench_runtime $(B)/bench/bench_many: $(patsubst %,$(B)/obj/tests/bench/%.o,runtime_bundle profile)
$(B)/bench/bench_warmfork $(B)/bench/bench_ssr $(B)/bench/bench_density $(B)/bench/bench_noslated: \
	$(patsubst %,$(B)/obj/tests/bench/%.o,cloning fork_floor profile)
$(B)/bench/bench_start $(B)/bench/bench_ssr $(B)/bench/bench_warmfork: $(B)/obj/tests/bench/engines.o
$(B)/bench/bench_serve $(B)/bench/bench_noslated: $(B)/obj/tests/bench/load.o
$(BENCH_BINS): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(BENCH_OBJS) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS_C) $(EXTERN_LIBS)

$(BENCH_TOOLS): $(B)/bench/%: tests/bench/%.c tests/bench/floor.h $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -I. $(CPPFLAGS) -std=gnu11 $(WARN) $(WARN_C) $(CFLAGS) -static -o $@ $<

.PHONY: bench bench-programs bench-report $(patsubst %,bench-%,$(BENCHES))
bench-programs: $(PROGRAMS) $(BENCH_BINS) $(BENCH_TOOLS) $(B)/bench/aworker

# A program looks for the worker beside itself.
$(B)/bench/aworker: | $(PROGRAMS) $(BENCH_TOOLS)
	$(Q)ln -sfn ../aworker $@

# One after the other: benches that run at the same time measure each other.
bench: bench-programs ## all benches, interleaved with their baselines; BENCH_ROUNDS=N
	$(Q)for name in $(BENCHES); do $(MAKE) --no-print-directory bench-$$name || exit 1; done

$(patsubst %,bench-%,$(BENCHES)): bench-%: bench-programs
	@echo "== bench-$*"
	$(Q)B=$(abspath $(B)) hack/cage $(B)/bench/bench_$*

bench-report: ## build/bench/report.html of the last figures
	$(Q)hack/bench-report $(B)/bench
