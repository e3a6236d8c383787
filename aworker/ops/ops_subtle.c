/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crypto.subtle asks of C (aworker/crypto/crypto.h). An op answers with bytes, or with a sentence
 * where the caller's bytes do not allow it: JavaScript knows which DOMException that is.
 */
#include "aworker/ops/ops.h"

#include <errno.h>

#include "aworker/crypto/crypto.h"

static int arg_view(struct op_call *call, int i, struct crypto_view *ret)
{
	uint8_t *data;
	size_t len;

	if (op_arg_bytes(call, i, &data, &len) < 0)
		return -1;
	*ret = (struct crypto_view){data, len};
	return 0;
}

static int arg_views(struct op_call *call, int first, struct crypto_view *ret, int n)
{
	for (int i = 0; i < n; i++)
		if (arg_view(call, first + i, &ret[i]) < 0)
			return -1;
	return 0;
}

static int arg_name(struct op_call *call, int i, const char **ret)
{
	size_t len;

	return op_arg_latin1(call, i, ret, &len);
}

static int arg_name_or_null(struct op_call *call, int i, const char **ret)
{
	*ret = NULL;
	return op_arg_is_nullish(call, i) ? 0 : arg_name(call, i, ret);
}

static int arg_number(struct op_call *call, int i, int64_t max, int64_t *ret)
{
	if (op_arg_i64(call, i, ret) < 0)
		return -1;
	if (*ret < -1 || *ret > max)
		return op_throw(call, "RangeError", "argument %d is out of range", i);
	return 0;
}

/* kind, id, list */
static int arg_key(struct op_call *call, int i, struct crypto_key *ret)
{
	int64_t id;

	if (arg_name(call, i, &ret->kind) < 0 || op_arg_i64(call, i + 1, &id) < 0 ||
		arg_view(call, i + 2, &ret->list) < 0)
		return -1;
	ret->id = (uint64_t)id;
	return 0;
}

static int answer(
	struct op_call *call, int r, const struct crypto_bytes *out, const struct err *err)
{
	if (r == -ENOMEM)
		return op_throw(call, "RangeError", "%s", err->msg);
	if (r < 0)
		op_ret_string(call, err->msg, strlen(err->msg));
	else
		op_ret_bytes(call, out->data, out->len);
	return 0;
}

/* subtleDigest(hash, data) */
static int op_digest(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view data;
	const char *hash;

	if (arg_name(call, 0, &hash) < 0 || arg_view(call, 1, &data) < 0)
		return -1;
	return answer(call, crypto_digest(hash, data, &out, &err), &out, &err);
}

/* subtleHmac(hash, key, data) */
static int op_hmac(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[2];
	const char *hash;

	if (arg_name(call, 0, &hash) < 0 || arg_views(call, 1, in, 2) < 0)
		return -1;
	return answer(call, crypto_hmac(hash, in[0], in[1], &out, &err), &out, &err);
}

/* subtleHmacVerify(hash, key, signature, data) */
static int op_hmac_verify(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[3];
	const char *hash;
	int r;

	if (arg_name(call, 0, &hash) < 0 || arg_views(call, 1, in, 3) < 0)
		return -1;
	r = crypto_hmac(hash, in[0], in[2], &out, &err);
	if (r < 0)
		return answer(call, r, &out, &err);
	op_ret_bool(call, crypto_equal(in[1], crypto_view_of(&out)));
	return 0;
}

/* subtleHkdf(hash, key, salt, info, length) */
static int op_hkdf(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[3];
	const char *hash;
	int64_t len;

	if (arg_name(call, 0, &hash) < 0 || arg_views(call, 1, in, 3) < 0 ||
		arg_number(call, 4, UINT32_MAX, &len) < 0)
		return -1;
	return answer(
		call, crypto_hkdf(hash, in[0], in[1], in[2], (size_t)len, &out, &err), &out, &err);
}

/* subtlePbkdf2(hash, password, salt, iterations, length) */
static int op_pbkdf2(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[2];
	int64_t iterations, len;
	const char *hash;

	if (arg_name(call, 0, &hash) < 0 || arg_views(call, 1, in, 2) < 0 ||
		arg_number(call, 3, UINT32_MAX, &iterations) < 0 ||
		arg_number(call, 4, UINT32_MAX, &len) < 0)
		return -1;
	return answer(call,
		crypto_pbkdf2(hash, in[0], in[1], (uint32_t)iterations, (size_t)len, &out, &err),
		&out, &err);
}

/* subtleCbc(encrypt, key, iv, data) */
static int op_cbc(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[3];
	bool encrypt;

	if (op_arg_bool(call, 0, &encrypt) < 0 || arg_views(call, 1, in, 3) < 0)
		return -1;
	return answer(call, crypto_aes_cbc(encrypt, in[0], in[1], in[2], &out, &err), &out, &err);
}

/* subtleCtr(bits, key, counter, data) */
static int op_ctr(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[3];
	int64_t bits;

	if (arg_number(call, 0, 255, &bits) < 0 || arg_views(call, 1, in, 3) < 0)
		return -1;
	return answer(call, crypto_aes_ctr(in[0], in[1], (unsigned int)bits, in[2], &out, &err),
		&out, &err);
}

/* subtleGcm(encrypt, tagBytes, key, iv, additionalData, data) */
static int op_gcm(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[4];
	int64_t tag;
	bool encrypt;

	if (op_arg_bool(call, 0, &encrypt) < 0 || arg_number(call, 1, 16, &tag) < 0 ||
		arg_views(call, 2, in, 4) < 0)
		return -1;
	return answer(call,
		crypto_aes_gcm(encrypt, in[0], in[1], in[2], (size_t)tag, in[3], &out, &err), &out,
		&err);
}

/* subtleKw(wrap, key, data) */
static int op_kw(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[2];
	bool wrap;

	if (op_arg_bool(call, 0, &wrap) < 0 || arg_views(call, 1, in, 2) < 0)
		return -1;
	return answer(call, crypto_aes_kw(wrap, in[0], in[1], &out, &err), &out, &err);
}

/* subtleGenerate(kind, bits, exponent) */
static int op_generate(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view exponent;
	const char *kind;
	int64_t bits;

	if (arg_name(call, 0, &kind) < 0 || arg_number(call, 1, UINT32_MAX, &bits) < 0 ||
		arg_view(call, 2, &exponent) < 0)
		return -1;
	return answer(call, crypto_key_generate(kind, (unsigned int)bits, exponent, &out, &err),
		&out, &err);
}

/* subtleCheck(kind, list) */
static int op_check(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view list;
	const char *kind;

	if (arg_name(call, 0, &kind) < 0 || arg_view(call, 1, &list) < 0)
		return -1;
	return answer(call, crypto_key_check(kind, list, &out, &err), &out, &err);
}

/* subtleDecode(kind, format, data): enum crypto_format */
static int op_decode(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view data;
	const char *kind;
	int64_t format;

	if (arg_name(call, 0, &kind) < 0 || arg_number(call, 1, CRYPTO_RAW, &format) < 0 ||
		arg_view(call, 2, &data) < 0)
		return -1;
	return answer(call, crypto_key_decode(kind, (enum crypto_format)format, data, &out, &err),
		&out, &err);
}

/* subtleEncode(kind, id, list, format) */
static int op_encode(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_key key;
	int64_t format;

	if (arg_key(call, 0, &key) < 0 || arg_number(call, 3, CRYPTO_PKCS8, &format) < 0)
		return -1;
	return answer(
		call, crypto_key_encode(&key, (enum crypto_format)format, &out, &err), &out, &err);
}

/* subtleSign(kind, id, list, hash or null, salt, data); salt: -1 for PKCS #1 */
static int op_sign(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view data;
	struct crypto_key key;
	const char *hash;
	int64_t salt;

	if (arg_key(call, 0, &key) < 0 || arg_name_or_null(call, 3, &hash) < 0 ||
		arg_number(call, 4, INT32_MAX, &salt) < 0 || arg_view(call, 5, &data) < 0)
		return -1;
	return answer(call, crypto_sign(&key, hash, (int)salt, data, &out, &err), &out, &err);
}

/* subtleVerify(kind, id, list, hash or null, salt, signature, data) */
static int op_verify(struct op_call *call)
{
	struct err err = ERR_INIT;
	struct crypto_view in[2];
	struct crypto_key key;
	const char *hash;
	bool verified;
	int64_t salt;
	int r;

	if (arg_key(call, 0, &key) < 0 || arg_name_or_null(call, 3, &hash) < 0 ||
		arg_number(call, 4, INT32_MAX, &salt) < 0 || arg_views(call, 5, in, 2) < 0)
		return -1;
	r = crypto_verify(&key, hash, (int)salt, in[0], in[1], &verified, &err);
	if (r < 0)
		return answer(call, r, NULL, &err);
	op_ret_bool(call, verified);
	return 0;
}

/* subtleOaep(encrypt, kind, id, list, hash, label, data) */
static int op_oaep(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view in[2];
	struct crypto_key key;
	const char *hash;
	bool encrypt;

	if (op_arg_bool(call, 0, &encrypt) < 0 || arg_key(call, 1, &key) < 0 ||
		arg_name(call, 4, &hash) < 0 || arg_views(call, 5, in, 2) < 0)
		return -1;
	return answer(
		call, crypto_rsa_oaep(encrypt, &key, hash, in[0], in[1], &out, &err), &out, &err);
}

/* subtleDerive(kind, id, list, kind, id, list): the private key, then the peer's public one */
static int op_derive(struct op_call *call)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_key key, peer;

	if (arg_key(call, 0, &key) < 0 || arg_key(call, 3, &peer) < 0)
		return -1;
	return answer(call, crypto_derive(&key, &peer, &out, &err), &out, &err);
}

const struct engine_op ops_subtle[] = {
	{"subtleDigest", op_digest},
	{"subtleHmac", op_hmac},
	{"subtleHmacVerify", op_hmac_verify},
	{"subtleHkdf", op_hkdf},
	{"subtlePbkdf2", op_pbkdf2},
	{"subtleCbc", op_cbc},
	{"subtleCtr", op_ctr},
	{"subtleGcm", op_gcm},
	{"subtleKw", op_kw},
	{"subtleGenerate", op_generate},
	{"subtleCheck", op_check},
	{"subtleDecode", op_decode},
	{"subtleEncode", op_encode},
	{"subtleSign", op_sign},
	{"subtleVerify", op_verify},
	{"subtleOaep", op_oaep},
	{"subtleDerive", op_derive},
	{NULL, NULL},
};
