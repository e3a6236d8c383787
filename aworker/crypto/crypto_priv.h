/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules of aworker/crypto/crypto.h share: OpenSSL's objects with their cleanups.
 */
#ifndef AWORKER_CRYPTO_CRYPTO_PRIV_H
#define AWORKER_CRYPTO_CRYPTO_PRIV_H

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "aworker/crypto/crypto.h"

#define CRYPTO_CLEANUP(type, free_it)               \
	static inline void free_it##_ptr_(type **p) \
	{                                           \
		free_it(*p);                        \
	}
CRYPTO_CLEANUP(EVP_PKEY, EVP_PKEY_free)
CRYPTO_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
CRYPTO_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
CRYPTO_CLEANUP(BIGNUM, BN_clear_free)
CRYPTO_CLEANUP(BN_CTX, BN_CTX_free)
#define _cleanup_pkey_	   _cleanup_(EVP_PKEY_free_ptr_)
#define _cleanup_pkey_ctx_ _cleanup_(EVP_PKEY_CTX_free_ptr_)
#define _cleanup_md_ctx_   _cleanup_(EVP_MD_CTX_free_ptr_)
#define _cleanup_bn_	   _cleanup_(BN_clear_free_ptr_)
#define _cleanup_bn_ctx_   _cleanup_(BN_CTX_free_ptr_)

/* NULL when there is none of this name. */
const EVP_MD *crypto_find_hash(const char *name, struct err *err);
/* EVP_PKEY_NONE for what is none of ours. */
int crypto_kind_type(const char *kind);
/* Bytes of a coordinate or of a key; 0 for RSA. */
size_t crypto_kind_size(const char *kind);

#define CRYPTO_NUMBERS_MAX 8

struct crypto_numbers {
	struct crypto_view at[CRYPTO_NUMBERS_MAX];
	size_t n;
};
int crypto_list_read(struct crypto_view list, struct crypto_numbers *ret, struct err *err);
/* The list of what OpenSSL holds. */
int crypto_list_of(const char *kind, EVP_PKEY *pkey, bool private_key, struct crypto_bytes *ret,
	struct err *err);
/* A reference of the caller's own. */
int crypto_key_open(const struct crypto_key *key, EVP_PKEY **ret, struct err *err);
/* The same, without the memory of keys. */
int crypto_key_build(const char *kind, struct crypto_view list, EVP_PKEY **ret, struct err *err);

#endif
