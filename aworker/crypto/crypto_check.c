/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that come from outside: their encodings, and whether their numbers belong together. RSA
 * keys are not proved to be made of primes, which would take longer than to use them.
 */
#include "aworker/crypto/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "aworker/crypto/crypto_priv.h"

CRYPTO_CLEANUP(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
#define _cleanup_pkcs8_ _cleanup_(PKCS8_PRIV_KEY_INFO_free_ptr_)

/* --- do the numbers belong together? --- */

enum { N, E, D, P, Q, DP, DQ, QI };

struct rsa {
	BIGNUM *at[CRYPTO_NUMBERS_MAX];
	BIGNUM *a, *b;
	BN_CTX *ctx;
};

/* d = dx modulo x - 1, and e times dx = 1: what makes a signature modulo this prime. */
static bool half_fits(struct rsa *r, int prime, int exponent)
{
	return BN_sub(r->a, r->at[prime], BN_value_one()) && !BN_is_zero(r->a) &&
	       BN_mod(r->b, r->at[D], r->a, r->ctx) && BN_cmp(r->b, r->at[exponent]) == 0 &&
	       BN_mod_mul(r->b, r->at[E], r->at[exponent], r->a, r->ctx) && BN_is_one(r->b);
}

static bool rsa_fits(struct rsa *r)
{
	return BN_is_odd(r->at[P]) && BN_is_odd(r->at[Q]) &&
	       BN_mul(r->a, r->at[P], r->at[Q], r->ctx) && BN_cmp(r->a, r->at[N]) == 0 &&
	       half_fits(r, P, DP) && half_fits(r, Q, DQ) &&
	       BN_mod_mul(r->a, r->at[QI], r->at[Q], r->at[P], r->ctx) && BN_is_one(r->a);
}

static int check_rsa(const struct crypto_numbers *numbers, struct err *err)
{
	struct rsa r = {.a = BN_new(), .b = BN_new(), .ctx = BN_CTX_new()};
	bool made = r.a && r.b && r.ctx, fits;

	for (size_t i = 0; i < CRYPTO_NUMBERS_MAX; i++) {
		r.at[i] = BN_bin2bn(numbers->at[i].data, (int)numbers->at[i].len, NULL);
		made = made && r.at[i];
	}
	fits = made && rsa_fits(&r);
	for (size_t i = 0; i < CRYPTO_NUMBERS_MAX; i++)
		BN_clear_free(r.at[i]);
	BN_clear_free(r.a);
	BN_clear_free(r.b);
	BN_CTX_free(r.ctx);
	ERR_clear_error();
	if (!made)
		return err_oom(err);
	return fits ? 0 : err_say(err, EINVAL, "the numbers of the RSA key do not fit each other");
}

static int check_ec(EVP_PKEY *pkey, struct err *err)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (!ctx || EVP_PKEY_private_check(ctx) <= 0 || EVP_PKEY_pairwise_check(ctx) <= 0)
		return crypto_fail(err, "the private key and the public key do not fit each other");
	return 0;
}

int crypto_key_check(
	const char *kind, struct crypto_view list, struct crypto_bytes *ret, struct err *err)
{
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	struct crypto_numbers numbers;
	int type = crypto_kind_type(kind), r;
	bool private_key;

	if (type == EVP_PKEY_NONE)
		return err_say(err, EINVAL, "no keys of the kind '%s'", kind);
	r = crypto_key_build(kind, list, &pkey, err);
	if (r == 0)
		r = crypto_list_read(list, &numbers, err);
	if (r < 0)
		return r;
	private_key = numbers.n == (type == EVP_PKEY_RSA ? 8 : type == EVP_PKEY_EC ? 3 : 2);
	if (private_key && type == EVP_PKEY_RSA)
		r = check_rsa(&numbers, err);
	else if (private_key && type == EVP_PKEY_EC)
		r = check_ec(pkey, err);
	if (r == 0)
		r = crypto_list_of(kind, pkey, private_key, ret, err);
	if (r < 0 || type == EVP_PKEY_RSA || type == EVP_PKEY_EC || !private_key)
		return r;
	/* OpenSSL has computed the public key from the private one. */
	if (!crypto_equal(
		    (struct crypto_view){ret->data + 4, crypto_kind_size(kind)}, numbers.at[0]))
		return err_say(
			err, EINVAL, "the private key and the public key do not fit each other");
	return 0;
}

/* --- encodings --- */

static bool is_of_kind(const char *kind, EVP_PKEY *pkey)
{
	char curve[64];
	int explicit_params = 0;

	if (EVP_PKEY_get_base_id(pkey) != crypto_kind_type(kind))
		return false;
	if (crypto_kind_type(kind) != EVP_PKEY_EC)
		return true;
	EVP_PKEY_get_int_param(
		pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params);
	return !explicit_params && EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) &&
	       OBJ_txt2nid(curve) == EC_curve_nist2nid(kind);
}

static EVP_PKEY *decode_spki(struct crypto_view data)
{
	const uint8_t *p = data.data;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)data.len);

	if (pkey && p != data.data + data.len) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static EVP_PKEY *decode_pkcs8(struct crypto_view data)
{
	const uint8_t *p = data.data;
	_cleanup_pkcs8_ PKCS8_PRIV_KEY_INFO *info =
		d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)data.len);

	return info && p == data.data + data.len ? EVP_PKCS82PKEY(info) : NULL;
}

static EVP_PKEY *decode_point(const char *curve, struct crypto_view data)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)data.data, data.len),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *pkey = NULL;

	/* Neither the point at infinity nor hybrid forms. */
	if (!ctx || !data.len || data.data[0] < POINT_CONVERSION_COMPRESSED ||
		data.data[0] > POINT_CONVERSION_UNCOMPRESSED || EVP_PKEY_fromdata_init(ctx) <= 0 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return NULL;
	return pkey;
}

static EVP_PKEY *decode_raw(const char *kind, struct crypto_view data)
{
	int type = crypto_kind_type(kind);

	if (type == EVP_PKEY_EC)
		return decode_point(kind, data);
	if (data.len != crypto_kind_size(kind) || data.len == 0)
		return NULL;
	return EVP_PKEY_new_raw_public_key(type, NULL, data.data, data.len);
}

int crypto_key_decode(const char *kind, enum crypto_format format, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err)
{
	_cleanup_crypto_ struct crypto_bytes list = CRYPTO_BYTES_INIT;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	_cleanup_bn_ BIGNUM *third = NULL;
	int r;

	crypto_init();
	if (data.len > CRYPTO_INPUT_MAX)
		return err_say(err, EINVAL, "the key has more than %zu bytes", CRYPTO_INPUT_MAX);
	if (data.len)
		pkey = format == CRYPTO_SPKI	? decode_spki(data)
		       : format == CRYPTO_PKCS8 ? decode_pkcs8(data)
						: decode_raw(kind, data);
	if (!pkey)
		return crypto_fail(err, "the key cannot be decoded");
	if (!is_of_kind(kind, pkey))
		return err_say(err, EINVAL, "the key is not of the kind '%s'", kind);
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third))
		return err_say(err, EINVAL, "RSA keys of more than two primes are not supported");
	r = crypto_list_of(kind, pkey, format == CRYPTO_PKCS8, &list, err);
	/* OpenSSL has seen that a point is on its curve. */
	if (r == 0 && format != CRYPTO_PKCS8 && crypto_kind_type(kind) != EVP_PKEY_RSA)
		*ret = (struct crypto_bytes){take_ptr(&list.data), list.len};
	else if (r == 0)
		r = crypto_key_check(kind, crypto_view_of(&list), ret, err);
	ERR_clear_error();
	return r;
}

int crypto_key_encode(const struct crypto_key *key, enum crypto_format format,
	struct crypto_bytes *ret, struct err *err)
{
	_cleanup_pkcs8_ PKCS8_PRIV_KEY_INFO *info = NULL;
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	uint8_t *der = NULL;
	int len, r;

	r = crypto_key_open(key, &pkey, err);
	if (r < 0)
		return r;
	if (format == CRYPTO_PKCS8) {
		info = EVP_PKEY2PKCS8(pkey);
		len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	} else {
		len = i2d_PUBKEY(pkey, &der);
	}
	if (len <= 0)
		return crypto_fail(err, "the key cannot be encoded");
	r = crypto_bytes_alloc(ret, (size_t)len, err);
	if (r == 0)
		memcpy(ret->data, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return r;
}
