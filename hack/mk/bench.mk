# SPDX-License-Identifier: Apache-2.0
# Measurements: tests/bench/bench_NAME.c is `make bench-NAME`. They give figures and never fail.

BENCHES     := $(patsubst tests/bench/bench_%.c,%,$(wildcard tests/bench/bench_*.c))
BENCH_OBJS  := $(patsubst %,$(B)/obj/tests/bench/%.o,bench report)
BENCH_BINS  := $(patsubst %,$(B)/bench/bench_%,$(BENCHES))
FLOOR       := $(B)/bench/forkserver_floor

$(BENCH_BINS): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(BENCH_OBJS) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS)

# What others are measured against shares none of our code.
$(FLOOR): tests/bench/forkserver_floor.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(CPPFLAGS) -std=gnu11 $(WARN) $(WARN_C) $(CFLAGS) -static -o $@ $<

.PHONY: bench bench-programs bench-report $(patsubst %,bench-%,$(BENCHES))
bench-programs: $(PROGRAMS) $(BENCH_BINS) $(FLOOR) $(B)/bench/aworker

# A program looks for the worker beside itself.
$(B)/bench/aworker: | $(PROGRAMS) $(FLOOR)
	$(Q)ln -sfn ../aworker $@

# One after the other: benches that run at the same time measure each other.
bench: bench-programs ## all benches, interleaved with their baselines; BENCH_ROUNDS=N
	$(Q)for name in $(BENCHES); do $(MAKE) --no-print-directory bench-$$name || exit 1; done

$(patsubst %,bench-%,$(BENCHES)): bench-%: bench-programs
	@echo "== bench-$*"
	$(Q)B=$(abspath $(B)) hack/cage $(B)/bench/bench_$*

bench-report: ## build/bench/report.html of the last figures
	$(Q)hack/bench-report $(B)/bench
