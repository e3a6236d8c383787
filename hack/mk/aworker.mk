# SPDX-License-Identifier: Apache-2.0
# The worker: C objects, the C++ corner, the platform's JavaScript and its startup snapshot.
#
# V8 is the one of Debian's libnode. Looked for, in this order: $(B)/deps and build/deps (unpacked
# packages, see hack/install-deps), then the system. Never /usr/include/node: that is where another
# Node.js puts the headers of another V8.

TRIPLET := $(shell $(CC) -print-multiarch)
V8_PREFIXES := $(wildcard $(B)/deps/usr build/deps/usr /usr)
V8_FOUND := $(firstword $(foreach p,$(V8_PREFIXES),$(if $(wildcard \
	$(p)/include/nodejs/deps/v8/include/v8.h),$(wildcard $(p)/lib/$(TRIPLET)/libnode.so))))

ifeq ($(V8_FOUND),)
$(info aworker: not built, no libnode-dev in $(B)/deps, build/deps or /usr (make deps))
else

V8_INCLUDE := $(patsubst %/lib/$(TRIPLET)/libnode.so,%,$(V8_FOUND))/include/nodejs/deps/v8/include
NODE_STOCK := $(realpath $(V8_FOUND))
NODE_LIB   := $(B)/lib/$(notdir $(NODE_STOCK))

ENGINE_OBJS  := $(patsubst %,$(B)/obj/%.o,$(basename $(wildcard aworker/v8/*.cc) aworker/v8/madvise.c))
AWORKER_OBJS := $(call folder_objs,aworker,$(MAINS) aworker/mksnapshot.c)

# PIC: a copy relocation would give the executable its own copy of what libnode keeps using.
$(ENGINE_OBJS): OUR_CXXFLAGS += -fPIC -isystem $(V8_INCLUDE)
$(B)/obj/%.o: %.cc $(B)/obj/.flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CXXFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

# A private copy of libnode whose symbols are resolved already: a third of the time to load it.
$(B)/relink: $(B)/obj/aworker/relink.o $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^

$(NODE_LIB): $(B)/relink $(NODE_STOCK)
	$(call say,RELINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/relink $(NODE_STOCK) $@ $(if $(V),,>/dev/null)

ENGINE_LDFLAGS := -pie -Wl,-rpath,'$$ORIGIN/lib:$(LIBDIR)' -Wl,--allow-shlib-undefined

ENGINE_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_aworker_engine*.c))
$(ENGINE_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(ENGINE_OBJS) $(LIBS_C) $(NODE_LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(OUR_LDFLAGS) $(ENGINE_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' $(LDFLAGS) -o $@ $^ \
		-lcheck -lsubunit $(EXTERN_LIBS) -lrt -pthread

AWORKER_UNIT_TESTS := $(ENGINE_TESTS)
endif
