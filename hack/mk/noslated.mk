# SPDX-License-Identifier: Apache-2.0
# noslated and noslatectl. The library of the data plane is the first of LIBS_C, so that tests and fuzzers
# link it as they link the others; those that use it need libuv and llhttp (which only judges, in a fuzzer).

DATA_OBJS  := $(call folder_objs,seed/noslated/data)
LIB_DATA   := $(B)/lib/libturf-data.a
STATS_OBJS := $(call folder_objs,seed/noslated/stats)
LIB_STATS  := $(B)/lib/libturf-stats.a
# Digests and layouts, which noslated, noslatectl and noslate-code share.
CODE_OBJS  := $(patsubst %,$(B)/obj/seed/noslated/code/%.o,digest kinds layout layout_read tree)
LIB_CODE   := $(B)/lib/libturf-code.a
LIBS_C     := $(LIB_DATA) $(LIB_STATS) $(LIB_CODE) $(LIBS_C)
EXTERN_LIBS += -l:libnettle.a
DATA_LIBS  := -l:libnghttp2.a -l:$(notdir $(firstword $(wildcard /usr/lib/*/libuv_a.a) libuv.a)) -lpthread -ldl -lrt

$(LIB_DATA): $(DATA_OBJS)
$(LIB_STATS): $(STATS_OBJS)
$(LIB_CODE): $(CODE_OBJS)

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

# A small HTTP server, which the control plane has for administrators and noslatectl for its dashboard. Both
# planes are one program. Without llhttp, which the admin API is read by, there is none.

WEB_OBJS := $(call folder_objs,seed/noslated/web)
LIB_WEB  := $(B)/lib/libturf-web.a

$(LIB_WEB): $(WEB_OBJS) $(LLHTTP_OBJS)
$(WEB_OBJS): OUR_CPPFLAGS += $(LLHTTP_CPPFLAGS)

CONTROL_OBJS := $(call folder_objs,seed/noslated/control) $(call folder_objs,seed/noslated,seed/noslated/main.c)
LIB_CONTROL  := $(B)/lib/libturf-control.a
CTL_OBJS     := $(call folder_objs,seed/noslated/ctl,seed/noslated/ctl/main.c) $(B)/obj/seed/noslated/ctl/page.o
LIB_CTL      := $(B)/lib/libturf-ctl.a
CTL_LINK     := $(LIB_CTL) $(LIB_WEB) $(LIB_CODE) $(LIB_PROFILE) $(LIB_SEED) $(LIB_OCI) $(LIB_BASE)
DAEMON_LIBS  := $(DATA_LIBS) $(LLHTTP_LIBS)

$(LIB_CONTROL): $(CONTROL_OBJS)
$(LIB_CTL): $(CTL_OBJS)
$(B)/obj/seed/noslated/ctl/http.o: OUR_CPPFLAGS += $(LLHTTP_CPPFLAGS)

# The page of the dashboard is in the program.
$(B)/obj/seed/noslated/ctl/page.o: seed/noslated/ctl/page.S seed/noslated/ctl/page.html $(B)/obj/.flags
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -DPAGE='"seed/noslated/ctl/page.html"' -c -o $@ $<

$(B)/noslated: $(B)/obj/seed/noslated/main.o $(LIB_CONTROL) $(LIB_WEB) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS) $(DAEMON_LIBS)

$(B)/noslatectl: $(B)/obj/seed/noslated/ctl/main.o $(CTL_LINK)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS) -lyajl$(if $(SANITIZE),,_s) -l:libnettle.a

# What reads archives and downloads: it is executed for each of them, has no rights, and may be as large as
# shared libraries make it.
CODE_PROGRAM_OBJS := $(call folder_objs,seed/noslated/code,$(CODE_OBJS:$(B)/obj/%.o=%.c))

$(B)/noslate-code: $(CODE_PROGRAM_OBJS) $(LIB_CODE) $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) -pie $(LDFLAGS) -o $@ $^ -larchive -lcurl -lnettle -lseccomp -lyajl

ifneq ($(LLHTTP_CPPFLAGS),)
PROGRAMS += $(B)/noslated $(B)/noslatectl $(B)/noslate-code
endif

CONTROL_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_control_*.c)) \
	$(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_control_*.c))
$(CONTROL_TESTS): $(LIB_CONTROL) $(LIB_WEB)
$(CONTROL_TESTS): EXTERN_LIBS := $(LIB_CONTROL) $(LIB_WEB) $(LIBS_C) $(EXTERN_LIBS) $(DAEMON_LIBS)

CTL_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_ctl_*.c))
$(CTL_TESTS): $(LIB_CTL) $(LIB_WEB)
$(CTL_TESTS): EXTERN_LIBS := $(LIB_CTL) $(LIB_WEB) $(LIBS_C) $(EXTERN_LIBS) $(DAEMON_LIBS)

WEB_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_web_*.c)) \
	$(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_web_*.c))
$(WEB_TESTS): $(LIB_WEB)
$(WEB_TESTS): EXTERN_LIBS := $(LIB_WEB) $(LIBS_C) $(EXTERN_LIBS) $(DAEMON_LIBS)
