# SPDX-License-Identifier: Apache-2.0
# containerd's shim. Its messages are C made by protoc-c from shim/proto, included as
# "shim/proto/NAME.pb-c.h".

SHIM_OBJS   := $(call folder_objs,shim,$(MAINS))
SHIM_PROTOS := $(wildcard shim/proto/*.proto)
SHIM_GEN    := $(SHIM_PROTOS:%.proto=$(B)/gen/%.pb-c.c)
PROTO_OBJS  := $(SHIM_PROTOS:%.proto=$(B)/obj/%.pb-c.o)
LIB_SHIM    := $(B)/lib/libturf-shim.a
# libuv's archive by name: Debian 12 calls it libuv_a.a.
SHIM_LIBS   := -l:libprotobuf-c.a \
	-l:$(notdir $(firstword $(wildcard /usr/lib/*/libuv_a.a) libuv.a)) -lyajl$(if $(SANITIZE),,_s) \
	-lpthread -ldl -lrt
# The only layers below it. Its names are its own: nothing links both it and the runtime.
SHIM_LINK   := $(LIB_SHIM) $(LIB_OCI) $(LIB_BASE)

$(LIB_SHIM): $(SHIM_OBJS) $(PROTO_OBJS)

$(B)/gen/shim/proto/.made: $(SHIM_PROTOS)
	$(call say,PROTO,$(SHIM_PROTOS))
	$(Q)mkdir -p $(B)/gen
	$(Q)protoc-c --c_out=$(B)/gen $(SHIM_PROTOS)
	$(Q)touch $@

$(SHIM_GEN) $(SHIM_GEN:.c=.h): $(B)/gen/shim/proto/.made ;
$(PROTO_OBJS): $(B)/obj/%.o: $(B)/gen/%.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) -w $(CFLAGS) -MMD -MP -c -o $@ $<
$(SHIM_OBJS) $(B)/obj/shim/main.o: | $(B)/gen/shim/proto/.made
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/unit/test_shim_*.c tests/fuzz/fuzz_shim_*.c)): \
	| $(B)/gen/shim/proto/.made

$(B)/containerd-shim-turf-v2: $(B)/obj/shim/main.o $(SHIM_LINK)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(SHIM_LIBS)

PROGRAMS += $(B)/containerd-shim-turf-v2

SHIM_UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_shim_*.c))
$(SHIM_UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(SHIM_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lcheck -lsubunit $(SHIM_LIBS) -lm

# FUZZ_MAIN is defined later, by tests.mk.
.SECONDEXPANSION:
SHIM_FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_shim_*.c))
$(SHIM_FUZZ_TARGETS): $(B)/tests/%: $(B)/obj/tests/fuzz/%.o $$(FUZZ_MAIN) $(SHIM_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(if $(LIBFUZZER),-fsanitize=fuzzer) $(LDFLAGS) -o $@ $^ $(SHIM_LIBS)
