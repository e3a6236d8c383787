# SPDX-License-Identifier: Apache-2.0
# The worker: C objects, the C++ corner, the platform's JavaScript and its startup snapshot.
# V8 and llhttp are found by deps.mk; without V8 all of this is left out.

ifeq ($(LIBNODE),)
$(info aworker: not built, no libnode-dev in $(DEPS) or /usr (make deps))
else

AWORKER_MAINS := aworker/main.c aworker/image/loader.c aworker/mksnapshot.c aworker/image/relink.c
AWORKER_ROOMS := $(filter-out aworker/js aworker/v8,$(patsubst %/,%,$(wildcard aworker/*/)))
AWORKER_OBJS  := $(foreach room,aworker $(AWORKER_ROOMS),$(call folder_objs,$(room),$(AWORKER_MAINS)))
ENGINE_OBJS   := $(patsubst %,$(B)/obj/%.o,$(basename $(wildcard aworker/v8/*.cc aworker/v8/*.c)))
LIB_AWORKER   := $(B)/lib/libturf-aworker.a
# libaio is in the executable, so that a start loads no further library.
AWORKER_LIBS  := $(LLHTTP_LIBS) $(FETCH_LIBS) -licuuc -lbrotlienc -l:libaio.a

AWORKER_CPPFLAGS := -DTEST_LIBNODE='"$(abspath $(LIBNODE))"'

$(LIB_AWORKER): $(AWORKER_OBJS) $(LLHTTP_OBJS)
$(AWORKER_OBJS): OUR_CPPFLAGS += $(LLHTTP_CPPFLAGS)
$(B)/obj/tests/unit/test_aworker_%.o: OUR_CPPFLAGS += $(AWORKER_CPPFLAGS)
# PIC: a copy relocation would give the executable its own copy of what libnode keeps using.
$(ENGINE_OBJS): OUR_CXXFLAGS += -fPIC -isystem $(V8_INCLUDE)
$(B)/obj/%.o: %.cc $(B)/obj/.flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CXXFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

# A private copy of libnode whose symbols are resolved already: a third of the time to load it.
NODE_LIB := $(B)/lib/$(notdir $(LIBNODE))
$(B)/relink: $(B)/obj/aworker/image/relink.o $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^

$(NODE_LIB): $(B)/relink $(LIBNODE)
	$(call say,RELINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/relink $(LIBNODE) $@ $(if $(V),,>/dev/null)

# Objects of the engine come one by one, so that madvise() and mmap() of memory.c are there whoever links.
AWORKER_LINK := $(CURL_OBJ) $(LIB_AWORKER) $(ENGINE_OBJS) $(LIBS_C) $(NODE_LIB)
AWORKER_LDFLAGS := -pie -Wl,--allow-shlib-undefined -Wl,-rpath,'$$ORIGIN/lib:$$ORIGIN/../lib/turf:$(LIBDIR)'

# The scripts, then the snapshot that is made of them by a program with the same ops.
JS_LIST := aworker/js/list.txt
$(B)/gen/builtin_sources.c: $(JS_LIST) aworker/js/embed $(wildcard aworker/js/*.js)
	$(call say,EMBED,$(JS_LIST))
	$(Q)mkdir -p $(@D)
	$(Q)aworker/js/embed $(JS_LIST) > $@

$(B)/obj/builtin_sources.o: $(B)/gen/builtin_sources.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/obj/no_snapshot.o: aworker/builtin_snapshot.S $(B)/obj/.flags
	$(call say,AS,$<)
	$(Q)$(CC) -c -o $@ $<

$(B)/obj/builtin_snapshot.o: aworker/builtin_snapshot.S $(B)/gen/snapshot.blob $(B)/obj/.flags
	$(call say,AS,$<)
	$(Q)$(CC) -DSNAPSHOT_BLOB='"$(B)/gen/snapshot.blob"' -c -o $@ $<

$(B)/gen/snapshot.blob: $(B)/mksnapshot
	$(call say,SNAP,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/mksnapshot $@

$(B)/mksnapshot: $(B)/obj/aworker/mksnapshot.o $(B)/obj/builtin_sources.o $(B)/obj/no_snapshot.o $(AWORKER_LINK)
	$(call say,LD,$@)
	$(Q)$(CXX) $(OUR_LDFLAGS) $(AWORKER_LDFLAGS) $(LDFLAGS) -o $@ $^ $(AWORKER_LIBS) $(EXTERN_LIBS)

$(B)/aworker: $(B)/obj/aworker/main.o $(B)/obj/builtin_sources.o $(B)/obj/builtin_snapshot.o $(AWORKER_LINK)
	$(call say,LD,$@)
	$(Q)$(CXX) $(OUR_LDFLAGS) $(AWORKER_LDFLAGS) $(LDFLAGS) -o $@ $^ $(AWORKER_LIBS) $(EXTERN_LIBS)

# Free of libc, at an address where no image is (see loader.c).
LOADER_CFLAGS := -std=gnu11 -O2 $(WARN) $(WARN_C) -ffreestanding -fno-pie -fno-stack-protector -fno-builtin
$(B)/aworker-loader: aworker/image/loader.c seed/image_check.c runtime/base/elfcore_read.c seed/image.h \
	seed/raw.h 	runtime/base/elfcore.h $(B)/obj/.flags
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(LOADER_CFLAGS) -static -nostdlib \
		-Wl,-Ttext-segment=0x10000000 -Wl,-z,noexecstack -Wl,--build-id=none -o $@ $(filter %.c,$^)

PROGRAMS += $(B)/aworker $(B)/aworker-loader

# What strips types, where hack/typescript-deps has fetched it.
TYPESCRIPT := $(wildcard build/deps-typescript/typescript.js)
ifneq ($(TYPESCRIPT),)
$(B)/lib/typescript.js: $(TYPESCRIPT)
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@
PROGRAMS += $(B)/lib/typescript.js
endif

AWORKER_UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_aworker_*.c))
$(AWORKER_UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/obj/builtin_sources.o $(B)/obj/no_snapshot.o $(AWORKER_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(OUR_LDFLAGS) $(AWORKER_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' $(LDFLAGS) -o $@ $^ \
		-lcheck -lsubunit $(AWORKER_LIBS) $(EXTERN_LIBS) -lrt -pthread

AWORKER_FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_aworker_*.c))
# FUZZ_MAIN is defined later, by tests.mk.
.SECONDEXPANSION:
$(AWORKER_FUZZ_TARGETS): $(B)/tests/%: $(B)/obj/tests/fuzz/%.o $$(FUZZ_MAIN) \
		$(B)/obj/builtin_sources.o $(B)/obj/no_snapshot.o $(AWORKER_LINK)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(OUR_LDFLAGS) $(AWORKER_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' \
		$(if $(LIBFUZZER),-fsanitize=fuzzer) $(LDFLAGS) -o $@ $^ $(AWORKER_LIBS) $(EXTERN_LIBS)
endif
