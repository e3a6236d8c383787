# SPDX-License-Identifier: Apache-2.0
# noslated: both planes are one program; and noslatectl. Without llhttp there is neither.

CONTROL_OBJS := $(call folder_objs,seed/noslated/control) $(call folder_objs,seed/noslated,seed/noslated/main.c)
LIB_CONTROL  := $(B)/lib/libturf-control.a
CTL_OBJS     := $(call folder_objs,seed/noslated/ctl)
DAEMON_LIBS  := $(DATA_LIBS) $(LLHTTP_LIBS)

$(LIB_CONTROL): $(CONTROL_OBJS) $(LLHTTP_OBJS)
$(B)/obj/seed/noslated/control/admin.o: OUR_CPPFLAGS += $(LLHTTP_CPPFLAGS)

$(B)/noslated: $(B)/obj/seed/noslated/main.o $(LIB_CONTROL) $(LIBS_C)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(EXTERN_LIBS) $(DAEMON_LIBS)

$(B)/noslatectl: $(CTL_OBJS) $(LIB_PROFILE) $(LIB_OCI) $(LIB_BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(OUR_LDFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ -lyajl$(if $(SANITIZE),,_s)

ifneq ($(LLHTTP_CPPFLAGS),)
PROGRAMS += $(B)/noslated $(B)/noslatectl
endif

CONTROL_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_control_*.c))
$(CONTROL_TESTS): $(LIB_CONTROL)
$(CONTROL_TESTS): EXTERN_LIBS := $(LIB_CONTROL) $(LIBS_C) $(EXTERN_LIBS) $(DAEMON_LIBS)
