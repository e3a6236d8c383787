/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What key pairs are for: signatures, RSA-OAEP, Diffie-Hellman.
 */
#include "aworker/crypto/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "aworker/crypto/crypto_priv.h"

CRYPTO_CLEANUP(ECDSA_SIG, ECDSA_SIG_free)
#define _cleanup_ecdsa_ _cleanup_(ECDSA_SIG_free_ptr_)

static bool set_padding(EVP_PKEY_CTX *ctx, int salt_len)
{
	if (salt_len == CRYPTO_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return salt_len >= 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len) > 0;
}

static const uint8_t *data_of(struct crypto_view v)
{
	return v.len ? v.data : (const uint8_t *)"";
}

/* DER to r and s. */
static int ecdsa_to_raw(struct crypto_bytes *signature, size_t size, struct err *err)
{
	const uint8_t *p = signature->data;
	_cleanup_ecdsa_ ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)signature->len);
	struct crypto_bytes raw;
	int r;

	if (!sig)
		return crypto_fail(err, "ECDSA");
	r = crypto_bytes_alloc(&raw, 2 * size, err);
	if (r < 0)
		return r;
	crypto_bytes_finish(signature);
	*signature = raw;
	if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw.data, (int)size) < 0 ||
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw.data + size, (int)size) < 0)
		return crypto_fail(err, "ECDSA");
	return 0;
}

/* r and s to DER, malloc'd by OpenSSL; NULL when it fails. */
static uint8_t *ecdsa_to_der(struct crypto_view raw, size_t size, size_t *ret_len)
{
	_cleanup_ecdsa_ ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.data, (int)size, NULL);
	BIGNUM *s = BN_bin2bn(raw.data + size, (int)size, NULL);
	uint8_t *der = NULL;
	int len;

	/* Takes both on success. */
	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		return NULL;
	}
	len = i2d_ECDSA_SIG(sig, &der);
	if (len <= 0)
		return NULL;
	*ret_len = (size_t)len;
	return der;
}

int crypto_sign(const struct crypto_key *key, const char *hash, int salt_len,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err)
{
	_cleanup_md_ctx_ EVP_MD_CTX *ctx = NULL;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *pctx = NULL;
	int type = crypto_kind_type(key->kind), r;

	r = crypto_key_open(key, &pkey, err);
	if (r < 0)
		return r;
	r = crypto_bytes_alloc(ret, (size_t)EVP_PKEY_get_size(pkey), err);
	if (r < 0)
		return r;
	ctx = EVP_MD_CTX_new();
	if (!ctx || !EVP_DigestSignInit_ex(ctx, &pctx, hash, NULL, NULL, pkey, NULL) ||
		(type == EVP_PKEY_RSA && !set_padding(pctx, salt_len)) ||
		!EVP_DigestSign(ctx, ret->data, &ret->len, data_of(data), data.len))
		return crypto_fail(err, "sign");
	return type == EVP_PKEY_EC ? ecdsa_to_raw(ret, crypto_kind_size(key->kind), err) : 0;
}

/*
 * The points of edwards25519 whose order divides 8, as they may be written: y without its sign,
 * also as y + p where that fits. With one of them a signature says nothing.
 */
static const uint8_t small_order[][32] = {
	{0},
	{1},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
		0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d,
		0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
		0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92,
		0xac, 0x03, 0x7a},
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
	{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
	{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
};

static bool is_small_order(const uint8_t *point)
{
	for (size_t i = 0; i < ARRAY_SIZE(small_order); i++)
		if (memcmp(point, small_order[i], 31) == 0 &&
			(point[31] & 0x7f) == small_order[i][31])
			return true;
	return false;
}

static bool is_plausible(const struct crypto_key *key, struct crypto_view signature)
{
	switch (crypto_kind_type(key->kind)) {
	case EVP_PKEY_EC: return signature.len == 2 * crypto_kind_size(key->kind);
	case EVP_PKEY_ED25519:
		return signature.len == 64 && !is_small_order(signature.data) &&
		       !is_small_order(key->list.data + 4);
	default: return true;
	}
}

int crypto_verify(const struct crypto_key *key, const char *hash, int salt_len,
	struct crypto_view signature, struct crypto_view data, bool *ret, struct err *err)
{
	_cleanup_md_ctx_ EVP_MD_CTX *ctx = NULL;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t *der = NULL;
	int type = crypto_kind_type(key->kind), r;

	r = crypto_key_open(key, &pkey, err);
	if (r < 0)
		return r;
	*ret = false;
	if (!is_plausible(key, signature))
		return 0;
	if (type == EVP_PKEY_EC) {
		der = ecdsa_to_der(signature, crypto_kind_size(key->kind), &signature.len);
		signature.data = der;
	}
	ctx = EVP_MD_CTX_new();
	*ret = ctx && (type != EVP_PKEY_EC || der) &&
	       EVP_DigestVerifyInit_ex(ctx, &pctx, hash, NULL, NULL, pkey, NULL) &&
	       (type != EVP_PKEY_RSA || set_padding(pctx, salt_len)) &&
	       EVP_DigestVerify(ctx, data_of(signature), signature.len, data_of(data), data.len) ==
		       1;
	OPENSSL_free(der);
	ERR_clear_error();
	return 0;
}

/* The context owns its label once it has taken it. */
static bool set_label(EVP_PKEY_CTX *ctx, struct crypto_view label)
{
	void *copy;

	if (label.len == 0)
		return true;
	copy = OPENSSL_memdup(label.data, label.len);
	if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) > 0)
		return true;
	OPENSSL_free(copy);
	return false;
}

int crypto_rsa_oaep(bool encrypt, const struct crypto_key *key, const char *hash,
	struct crypto_view label, struct crypto_view data, struct crypto_bytes *ret,
	struct err *err)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = NULL;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	const EVP_MD *md;
	int r;

	if (label.len > CRYPTO_INPUT_MAX)
		return err_say(err, EINVAL, "the label has more than %zu bytes", CRYPTO_INPUT_MAX);
	r = crypto_key_open(key, &pkey, err);
	if (r < 0)
		return r;
	r = crypto_bytes_alloc(ret, (size_t)EVP_PKEY_get_size(pkey), err);
	if (r < 0)
		return r;
	md = crypto_find_hash(hash, err);
	if (!md)
		return -EINVAL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (!ctx || (encrypt ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) <= 0 ||
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) <= 0 ||
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) <= 0 || !set_label(ctx, label) ||
		(encrypt ? EVP_PKEY_encrypt(ctx, ret->data, &ret->len, data_of(data), data.len)
			 : EVP_PKEY_decrypt(ctx, ret->data, &ret->len, data_of(data), data.len)) <=
			0) {
		crypto_fail(err, "RSA-OAEP");
		return err_say(err, EINVAL, "RSA-OAEP: the bytes cannot be %s",
			encrypt ? "encrypted" : "decrypted");
	}
	return 0;
}

int crypto_derive(const struct crypto_key *key, const struct crypto_key *peer,
	struct crypto_bytes *ret, struct err *err)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = NULL;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL, *other = NULL;
	int r;

	r = crypto_key_open(key, &pkey, err);
	if (r == 0)
		r = crypto_key_open(peer, &other, err);
	if (r == 0)
		r = crypto_bytes_alloc(ret, crypto_kind_size(key->kind), err);
	if (r < 0)
		return r;
	/* The peer's key was checked when it came in. */
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0 ||
		EVP_PKEY_derive_set_peer_ex(ctx, other, 0) <= 0 ||
		EVP_PKEY_derive(ctx, ret->data, &ret->len) <= 0)
		return crypto_fail(err, "the two keys have no secret in common");
	return 0;
}
