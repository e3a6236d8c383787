# SPDX-License-Identifier: Apache-2.0
# One archive per folder; the order in LIBS_C is the order of the layers, top first.

folder_objs = $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(2),$(wildcard $(1)/*.c)))

MAINS := runtime/main.c seed/main.c shim/main.c aworker/main.c aworker/image/loader.c aworker/image/relink.c

BASE_OBJS    := $(call folder_objs,runtime/base)
OCI_OBJS     := $(call folder_objs,oci-spec)
BOX_OBJS     := $(call folder_objs,runtime/box)
SEED_OBJS    := $(call folder_objs,seed,$(MAINS))
RUNTIME_OBJS := $(call folder_objs,runtime,$(MAINS))
POLICY_OBJS  := $(call folder_objs,seed/noslated/policy)
PROFILE_OBJS := $(call folder_objs,seed/noslated/profile)
CODE_OBJS    := $(patsubst %,$(B)/obj/seed/noslated/code/%.o,digest kinds layout layout_read tree)

LIB_BASE    := $(B)/lib/libturf-base.a
LIB_OCI     := $(B)/lib/libturf-oci.a
LIB_BOX     := $(B)/lib/libturf-box.a
LIB_SEED    := $(B)/lib/libturf-seed.a
LIB_RUNTIME := $(B)/lib/libturf-runtime.a
LIB_POLICY  := $(B)/lib/libturf-policy.a
LIB_PROFILE := $(B)/lib/libturf-profile.a
LIB_CODE    := $(B)/lib/libturf-code.a
LIBS_C      := $(LIB_CODE) $(LIB_PROFILE) $(LIB_POLICY) $(LIB_RUNTIME) $(LIB_BOX) $(LIB_SEED) $(LIB_OCI) $(LIB_BASE)

$(LIB_BASE): $(BASE_OBJS)
$(LIB_OCI): $(OCI_OBJS)
$(LIB_BOX): $(BOX_OBJS)
$(LIB_SEED): $(SEED_OBJS)
$(LIB_RUNTIME): $(RUNTIME_OBJS)
$(LIB_POLICY): $(POLICY_OBJS)
$(LIB_PROFILE): $(PROFILE_OBJS)
$(LIB_CODE): $(CODE_OBJS)
$(B)/lib/%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $^

EXTERN_LIBS := -lseccomp -lcap-ng -lyajl_s -l:libnettle.a -lm
# Static: each verb is an exec of its own, and a container must find nothing of the host in it.
# The sanitizers' runtimes cannot be linked statically. Each exec relocates itself: the packed form
# of relative relocations is a hundredth of what would be read otherwise.
STATIC := $(if $(SANITIZE),-pie,-static-pie -Xlinker -z -Xlinker pack-relative-relocs)
ifneq ($(SANITIZE),)
EXTERN_LIBS := -lseccomp -lcap-ng -lyajl -l:libnettle.a -lm
endif

PROGRAMS := $(B)/turf $(B)/turf-seed $(B)/turf-systemd

$(B)/turf: $(B)/obj/runtime/main.o $(LIBS_C)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS)

$(B)/turf-seed: $(B)/obj/seed/main.o $(LIB_SEED) $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS)

# The one that needs a shared library is small and not on the way of a container without systemd.
$(B)/turf-systemd: $(B)/obj/runtime/systemd/main.o $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -lsystemd

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
