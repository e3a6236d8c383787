# SPDX-License-Identifier: Apache-2.0
# The data plane of noslated. Its library is the first of LIBS_C, so that tests and fuzzers link it as
# they link the others; those that use it need libuv and llhttp (which only judges, in a fuzzer).

DATA_OBJS := $(call folder_objs,seed/noslated/data)
LIB_DATA  := $(B)/lib/libturf-data.a
LIBS_C    := $(LIB_DATA) $(LIBS_C)
DATA_LIBS := -l:$(notdir $(firstword $(wildcard /usr/lib/*/libuv_a.a) libuv.a)) -lpthread -ldl -lrt

$(LIB_DATA): $(DATA_OBJS)

DATA_USERS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_noslated_*.c)) \
	$(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_noslated_*.c))
$(DATA_USERS): EXTERN_LIBS += $(DATA_LIBS) $(LLHTTP_LIBS)
$(DATA_USERS): $(LLHTTP_OBJS)
$(B)/obj/tests/fuzz/fuzz_noslated_%.o: OUR_CPPFLAGS += $(LLHTTP_CPPFLAGS)

# A host of the plane that makes workers of its own: what the integration script drives.
$(B)/tests/data_host: $(B)/obj/tests/noslated/data_host.o $(LIBS_C)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS) $(DATA_LIBS)
check-programs check-worker check-integration: $(B)/tests/data_host
