# SPDX-License-Identifier: Apache-2.0
# Where the things are that hack/install-deps may have put into the build tree: V8 (Debian's
# libnode and its headers) and llhttp. All variants share one copy. Never /usr/include/node:
# that may belong to another Node.js.

DEPS := build/deps

# Empty when there is no V8; then all but aworker is built.
V8_PREFIX := $(patsubst %/include/nodejs/deps/v8/include/v8.h,%,$(firstword $(wildcard \
	$(DEPS)/usr/include/nodejs/deps/v8/include/v8.h /usr/include/nodejs/deps/v8/include/v8.h)))
V8_INCLUDE := $(if $(V8_PREFIX),$(V8_PREFIX)/include/nodejs/deps/v8/include)
LIBNODE := $(if $(V8_PREFIX),$(firstword $(wildcard $(V8_PREFIX)/lib/*/libnode.so.[0-9]*)))

# llhttp is C in a package of its own: sources on Debian 12, a library on Debian 13. Code says
# <llhttp/llhttp.h> with LLHTTP_CPPFLAGS and links LLHTTP_OBJS and LLHTTP_LIBS.
LLHTTP_SRC := $(patsubst %/llhttp.c,%,$(firstword $(wildcard \
	$(DEPS)/usr/share/llhttp/llhttp.c /usr/share/llhttp/llhttp.c)))
ifneq ($(LLHTTP_SRC),)
LLHTTP_CPPFLAGS := -isystem $(patsubst %/llhttp,%,$(LLHTTP_SRC))/include
LLHTTP_OBJS := $(patsubst %,$(B)/obj/llhttp/%.o,llhttp api http)
$(LLHTTP_OBJS): $(B)/obj/llhttp/%.o: $(LLHTTP_SRC)/%.c $(B)/obj/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LLHTTP_CPPFLAGS) -isystem $(patsubst %/llhttp,%,$(LLHTTP_SRC))/include/llhttp \
		$(CPPFLAGS) $(CFLAGS) $(HARDEN) $(SAN) -w -c -o $@ $<
else
LLHTTP_HEADER := $(firstword $(wildcard $(DEPS)/usr/include/llhttp.h /usr/include/llhttp.h))
ifneq ($(LLHTTP_HEADER),)
LLHTTP_CPPFLAGS := -isystem $(B)/gen/llhttp-include
LLHTTP_LIBS := $(firstword $(wildcard $(patsubst %/include/llhttp.h,%,$(LLHTTP_HEADER))/lib/*/libllhttp.a))
$(shell mkdir -p $(B)/gen/llhttp-include/llhttp && ln -sfn $(abspath $(LLHTTP_HEADER)) $(B)/gen/llhttp-include/llhttp/llhttp.h)
endif
endif
