# SPDX-License-Identifier: Apache-2.0
# Compiler flags. What the packager sets in CFLAGS, CXXFLAGS, LDFLAGS is kept and comes last.

Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wpointer-arith -Wformat=2 -Wno-format-nonliteral \
	-Wno-unused-parameter $(if $(WERROR),-Werror)
WARN_C := -Wstrict-prototypes -Wmissing-prototypes
HARDEN := -fstack-protector-strong -fPIE
# _FORTIFY_SOURCE needs optimisation and hides errors from the sanitizers.
ifeq ($(SANITIZE),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif

SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer) $(if $(LIBFUZZER),-fsanitize=fuzzer-no-link)

OUR_CPPFLAGS := -D_GNU_SOURCE -I. -I$(B)/gen -DTURF_VERSION='"$(VERSION)"' \
	-DTURF_BINDIR='"$(BINDIR)"' -DTURF_LIBEXECDIR='"$(LIBEXECDIR)"' -DTURF_LIBDIR='"$(LIBDIR)"'
OUR_CFLAGS   := -std=gnu11 $(WARN) $(WARN_C) $(HARDEN) $(SAN)
OUR_CXXFLAGS := -std=c++17 -fno-rtti -fno-exceptions $(WARN) $(HARDEN) $(SAN)
OUR_LDFLAGS  := -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN)

# Objects are rebuilt when the flags that made them change.
FLAGS_NOW := $(CC) $(CXX) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(OUR_CXXFLAGS) $(CXXFLAGS)
$(B)/obj/.flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_NOW))' > $@

.PHONY: FORCE
FORCE:

$(B)/obj/%.o: %.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
