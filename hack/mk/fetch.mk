# SPDX-License-Identifier: Apache-2.0
# The libcurl of fetch(): Debian's archive as one object that speaks HTTP and TLS, nothing else. Its
# shared library would load 25 more (LDAP, Kerberos, RTMP, SSH, GnuTLS ...) at each start of a worker.
# - What only other protocols call is weak, so that it needs no library; fetch.c names the two calls
#   that are made. Options restrict the protocols, so the rest is never reached.
# - It cannot make a thread, which it would to resolve a name, and sees no environment.
# libssl, libcrypto, libnghttp2, libcares, libbrotlidec and libz are loaded already, by libnode.

CURL_A := $(shell pkg-config --variable=libdir libcurl 2>/dev/null)/libcurl.a
CURL_OBJ := $(B)/obj/curl/curl.o
CURL_UNUSED := ^(ldap|ber|RTMP|libssh2|ssh|sftp|gss|GSS|psl|idn2|ngtcp2|nghttp3)_

$(CURL_OBJ): $(CURL_A) hack/mk/fetch.mk
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) -r --whole-archive $(CURL_A) -o $(@D)/all.o
	$(Q)nm -u $(@D)/all.o | awk '$$2 ~ /$(CURL_UNUSED)/ { print $$2 }' >$(@D)/weak
	$(Q)objcopy --weaken-symbols=$(@D)/weak --redefine-sym pthread_create=fetch_no_thread \
		--redefine-sym getenv=fetch_no_variable --wildcard --keep-global-symbol='curl_*' \
		$(@D)/all.o $@
	$(Q)rm $(@D)/all.o

# zstd is in the executable: unlike the others it is not loaded by libnode anyway.
FETCH_LIBS := -lcares -lssl -lcrypto -l:libnghttp2.so.14 -lbrotlidec -l:libzstd.a -lz
