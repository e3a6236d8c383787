/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys between three forms: the list of numbers that JavaScript holds (see aworker/crypto/crypto.h), what
 * OpenSSL computes with, and new ones. The list is what counts: it goes where the heap goes, into
 * clones, images and snapshots, and is collected as everything else there. What OpenSSL makes of
 * it is only remembered, and made anew when it was forgotten.
 */
#include "aworker/crypto/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "aworker/crypto/crypto_priv.h"

#define EXPONENT_BITS_MAX 64
#define REMEMBERED	  16
/* More than any number: 8192 bits, and the point of P-521. */
#define NUMBER_BYTES_MAX 1024u
#define PARAMS_MAX	 10

static const struct kind {
	const char *name;
	int type;
	size_t size;
} kinds[] = {
	{"RSA", EVP_PKEY_RSA, 0},
	{"P-256", EVP_PKEY_EC, 32},
	{"P-384", EVP_PKEY_EC, 48},
	{"P-521", EVP_PKEY_EC, 66},
	{"ED25519", EVP_PKEY_ED25519, 32},
	{"ED448", EVP_PKEY_ED448, 57},
	{"X25519", EVP_PKEY_X25519, 32},
	{"X448", EVP_PKEY_X448, 56},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

int crypto_kind_type(const char *kind)
{
	const struct kind *k = find_kind(kind);

	return k ? k->type : EVP_PKEY_NONE;
}

size_t crypto_kind_size(const char *kind)
{
	const struct kind *k = find_kind(kind);

	return k ? k->size : 0;
}

/* --- lists --- */

int crypto_list_read(struct crypto_view list, struct crypto_numbers *ret, struct err *err)
{
	struct crypto_numbers numbers = {.n = 0};
	const uint8_t *p = list.data;
	size_t left = list.len;

	while (left > 0) {
		size_t len;

		if (left < 4 || numbers.n == CRYPTO_NUMBERS_MAX)
			return err_say(err, EINVAL, "the key is not a list of numbers");
		len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		if (len > left - 4 || len > NUMBER_BYTES_MAX)
			return err_say(err, EINVAL, "a number of the key is too long");
		numbers.at[numbers.n++] = (struct crypto_view){p + 4, len};
		p += 4 + len;
		left -= 4 + len;
	}
	*ret = numbers;
	return 0;
}

static uint8_t *put_length(uint8_t *p, size_t len)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(len >> shift);
	return p;
}

static const char *const rsa_names[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
static const char *const ec_names[] = {
	OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y, OSSL_PKEY_PARAM_PRIV_KEY};

/* `size` pads; 0: as many bytes as the number has. */
static int list_of_numbers(EVP_PKEY *pkey, const char *const *names, size_t n, size_t size,
	struct crypto_bytes *ret, struct err *err)
{
	uint8_t *p;
	int r;

	r = crypto_bytes_alloc(ret, n * (4 + NUMBER_BYTES_MAX), err);
	if (r < 0)
		return r;
	p = ret->data;
	for (size_t i = 0; i < n; i++) {
		_cleanup_bn_ BIGNUM *bn = NULL;
		size_t len;

		if (!EVP_PKEY_get_bn_param(pkey, names[i], &bn))
			return crypto_fail(err, "the key lacks a number");
		len = size ? size : (size_t)BN_num_bytes(bn);
		if (len > NUMBER_BYTES_MAX)
			return err_say(err, EINVAL, "a number of the key is too long");
		p = put_length(p, len);
		if (BN_bn2binpad(bn, p, (int)len) < 0)
			return crypto_fail(err, "a number of the key");
		p += len;
	}
	ret->len = (size_t)(p - ret->data);
	return 0;
}

static int list_of_raw(
	EVP_PKEY *pkey, size_t size, bool private_key, struct crypto_bytes *ret, struct err *err)
{
	size_t len = size, private_len = size;
	int r;

	r = crypto_bytes_alloc(ret, (4 + size) * (private_key ? 2 : 1), err);
	if (r < 0)
		return r;
	put_length(ret->data, size);
	if (private_key)
		put_length(ret->data + 4 + size, size);
	if (!EVP_PKEY_get_raw_public_key(pkey, ret->data + 4, &len) || len != size ||
		(private_key &&
			(!EVP_PKEY_get_raw_private_key(pkey, ret->data + 8 + size, &private_len) ||
				private_len != size)))
		return crypto_fail(err, "the key's bytes");
	return 0;
}

int crypto_list_of(const char *kind, EVP_PKEY *pkey, bool private_key, struct crypto_bytes *ret,
	struct err *err)
{
	size_t size = crypto_kind_size(kind);

	switch (crypto_kind_type(kind)) {
	case EVP_PKEY_RSA:
		return list_of_numbers(
			pkey, rsa_names, private_key ? ARRAY_SIZE(rsa_names) : 2, 0, ret, err);
	case EVP_PKEY_EC:
		return list_of_numbers(pkey, ec_names, private_key ? 3 : 2, size, ret, err);
	default: return list_of_raw(pkey, size, private_key, ret, err);
	}
}

/* --- from lists --- */

/* Parameters of OpenSSL with the memory of their numbers, which is in the machine's byte order. */
struct key_params {
	OSSL_PARAM at[PARAMS_MAX];
	size_t n;
	struct crypto_bytes memory;
	size_t used;
};

static int put_number(
	struct key_params *params, const char *name, struct crypto_view number, struct err *err)
{
	_cleanup_bn_ BIGNUM *bn = BN_bin2bn(number.data, (int)number.len, NULL);
	uint8_t *p = params->memory.data + params->used;

	if (!bn || BN_bn2nativepad(bn, p, (int)number.len) < 0)
		return crypto_fail(err, "a number of the key");
	params->at[params->n++] = OSSL_PARAM_construct_BN(name, p, number.len);
	params->used += number.len;
	return 0;
}

static int from_params(
	const char *type, struct key_params *params, int what, EVP_PKEY **ret, struct err *err)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	params->at[params->n] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
		EVP_PKEY_fromdata(ctx, ret, what, params->at) <= 0)
		return crypto_fail(err, "the key's numbers");
	return 0;
}

static unsigned int bits_of(struct crypto_view number)
{
	size_t skip = 0;

	while (skip < number.len && !number.data[skip])
		skip++;
	if (skip == number.len)
		return 0;
	return (unsigned int)(number.len - skip) * 8 -
	       (unsigned int)(__builtin_clz(number.data[skip]) - 24);
}

static bool is_odd(struct crypto_view number)
{
	return number.len && number.data[number.len - 1] & 1;
}

static int build_rsa(const struct crypto_numbers *numbers, struct key_params *params,
	EVP_PKEY **ret, struct err *err)
{
	bool private_key = numbers->n == ARRAY_SIZE(rsa_names);
	struct crypto_view e;

	if (numbers->n != 2 && !private_key)
		return err_say(err, EINVAL, "an RSA key has two numbers or eight");
	if (!is_odd(numbers->at[0]) || bits_of(numbers->at[0]) > CRYPTO_RSA_IMPORT_MAX)
		return err_say(err, EINVAL, "the modulus is even or has more than %d bits",
			CRYPTO_RSA_IMPORT_MAX);
	e = numbers->at[1];
	if (!is_odd(e) || bits_of(e) < 2 || bits_of(e) > EXPONENT_BITS_MAX)
		return err_say(err, EINVAL,
			"the public exponent is even, 1, or has more than %d bits",
			EXPONENT_BITS_MAX);
	for (size_t i = 0; i < numbers->n; i++) {
		int r = put_number(params, rsa_names[i], numbers->at[i], err);

		if (r < 0)
			return r;
	}
	return from_params(
		"RSA", params, private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, ret, err);
}

static int build_ec(const char *curve, const struct crypto_numbers *numbers,
	struct key_params *params, EVP_PKEY **ret, struct err *err)
{
	size_t size = crypto_kind_size(curve);
	uint8_t point[1 + 2 * 66] = {POINT_CONVERSION_UNCOMPRESSED};
	int r;

	if (numbers->n < 2 || numbers->n > 3)
		return err_say(err, EINVAL, "a key of a curve has two numbers or three");
	for (size_t i = 0; i < numbers->n; i++)
		if (numbers->at[i].len != size)
			return err_say(err, EINVAL, "%s: a number has %zu bytes instead of %zu",
				curve, numbers->at[i].len, size);
	memcpy(point + 1, numbers->at[0].data, size);
	memcpy(point + 1 + size, numbers->at[1].data, size);
	params->at[params->n++] =
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0);
	params->at[params->n++] =
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size);
	if (numbers->n == 3) {
		r = put_number(params, OSSL_PKEY_PARAM_PRIV_KEY, numbers->at[2], err);
		if (r < 0)
			return r;
	}
	return from_params(
		"EC", params, numbers->n == 3 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, ret, err);
}

static int build_raw(
	const char *kind, const struct crypto_numbers *numbers, EVP_PKEY **ret, struct err *err)
{
	size_t size = crypto_kind_size(kind);
	int type = crypto_kind_type(kind);

	if (numbers->n < 1 || numbers->n > 2)
		return err_say(err, EINVAL, "%s: not one number or two", kind);
	for (size_t i = 0; i < numbers->n; i++)
		if (numbers->at[i].len != size)
			return err_say(err, EINVAL, "%s: a key has %zu bytes instead of %zu", kind,
				numbers->at[i].len, size);
	*ret = numbers->n == 2 ? EVP_PKEY_new_raw_private_key(type, NULL, numbers->at[1].data, size)
			       : EVP_PKEY_new_raw_public_key(type, NULL, numbers->at[0].data, size);
	return *ret ? 0 : crypto_fail(err, kind);
}

int crypto_key_build(const char *kind, struct crypto_view list, EVP_PKEY **ret, struct err *err)
{
	struct key_params params = {.n = 0, .memory = CRYPTO_BYTES_INIT};
	struct crypto_numbers numbers;
	int type = crypto_kind_type(kind), r;

	crypto_init();
	r = crypto_list_read(list, &numbers, err);
	if (r == 0)
		r = crypto_bytes_alloc(&params.memory, list.len, err);
	if (r == 0) {
		if (type == EVP_PKEY_RSA)
			r = build_rsa(&numbers, &params, ret, err);
		else if (type == EVP_PKEY_EC)
			r = build_ec(kind, &numbers, &params, ret, err);
		else
			r = build_raw(kind, &numbers, ret, err);
	}
	crypto_bytes_finish(&params.memory);
	return r;
}

/* --- remembered --- */

int crypto_key_open(const struct crypto_key *key, EVP_PKEY **ret, struct err *err)
{
	static struct {
		uint64_t id, used;
		EVP_PKEY *pkey;
	} memory[REMEMBERED];
	static uint64_t now;
	size_t oldest = 0;
	int r;

	now++;
	for (size_t i = 0; i < REMEMBERED; i++) {
		if (key->id && memory[i].id == key->id) {
			memory[i].used = now;
			EVP_PKEY_up_ref(memory[i].pkey);
			*ret = memory[i].pkey;
			return 0;
		}
		if (memory[i].used < memory[oldest].used)
			oldest = i;
	}
	r = crypto_key_build(key->kind, key->list, ret, err);
	if (r < 0 || !key->id)
		return r;
	EVP_PKEY_free(memory[oldest].pkey);
	memory[oldest].pkey = *ret;
	memory[oldest].id = key->id;
	memory[oldest].used = now;
	EVP_PKEY_up_ref(*ret);
	return 0;
}

/* --- new ones --- */

static int generate_rsa(
	unsigned int bits, struct crypto_view exponent, EVP_PKEY **ret, struct err *err)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = NULL;
	_cleanup_bn_ BIGNUM *e = NULL;

	if (bits < CRYPTO_RSA_GENERATE_MIN || bits > CRYPTO_RSA_GENERATE_MAX)
		return err_say(err, EINVAL, "RSA: %u bits are not %d to %d", bits,
			CRYPTO_RSA_GENERATE_MIN, CRYPTO_RSA_GENERATE_MAX);
	if (!is_odd(exponent) || bits_of(exponent) < 2 || bits_of(exponent) > EXPONENT_BITS_MAX)
		return err_say(err, EINVAL,
			"RSA: the public exponent is even, 1, or has more than %d bits",
			EXPONENT_BITS_MAX);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
	if (!ctx || !e || EVP_PKEY_keygen_init(ctx) <= 0 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) <= 0 ||
		EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) <= 0 ||
		EVP_PKEY_generate(ctx, ret) <= 0)
		return crypto_fail(err, "RSA");
	return 0;
}

int crypto_key_generate(const char *kind, unsigned int bits, struct crypto_view exponent,
	struct crypto_bytes *ret, struct err *err)
{
	_cleanup_pkey_ EVP_PKEY *pkey = NULL;
	int r;

	crypto_init();
	switch (crypto_kind_type(kind)) {
	case EVP_PKEY_RSA:
		r = generate_rsa(bits, exponent, &pkey, err);
		if (r < 0)
			return r;
		break;
	case EVP_PKEY_EC: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind); break;
	default: pkey = EVP_PKEY_Q_keygen(NULL, NULL, kind);
	}
	if (!pkey)
		return crypto_fail(err, kind);
	return crypto_list_of(kind, pkey, true, ret, err);
}
