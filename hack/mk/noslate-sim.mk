# SPDX-License-Identifier: Apache-2.0
# What is below seed/noslated/: the simulator of the node's scheduler, over the policy's library.

SIM_OBJS := $(call folder_objs,seed/noslated/sim,$(MAINS) seed/noslated/sim/main.c) $(B)/obj/seed/noslated/sim/page.o
LIB_SIM  := $(B)/lib/libturf-sim.a
SIM_LINK := $(LIB_SIM) $(LIB_POLICY) $(LIB_BASE)
SIM_LIBS := -lz -lyajl$(if $(SANITIZE),,_s) -lm

$(LIB_SIM): $(SIM_OBJS)

# The page that --html fills is in the program.
$(B)/obj/seed/noslated/sim/page.o: seed/noslated/sim/page.S seed/noslated/sim/page.html $(B)/obj/.flags
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -DPAGE='"seed/noslated/sim/page.html"' -c -o $@ $<

$(B)/noslate-sim: $(B)/obj/seed/noslated/sim/main.o $(SIM_LINK)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

PROGRAMS += $(B)/noslate-sim

SIM_UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_sim_*.c))
$(SIM_UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(SIM_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcheck -lsubunit $(SIM_LIBS) -lrt -pthread

# FUZZ_MAIN is defined later, by tests.mk.
.SECONDEXPANSION:
SIM_FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_sim_*.c))
$(SIM_FUZZ_TARGETS): $(B)/tests/%: $(B)/obj/tests/fuzz/%.o $$(FUZZ_MAIN) $(SIM_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(if $(LIBFUZZER),-fsanitize=fuzzer) $(LDFLAGS) -o $@ $^ $(SIM_LIBS)

$(B)/bench/bench_sim: $(SIM_OBJS)
$(B)/bench/bench_sim: EXTERN_LIBS += -lz
