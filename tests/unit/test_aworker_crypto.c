/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/crypto/crypto.h"

#include <errno.h>

#include "tests/unit/unit.h"

#define KEYS 40 /* more than are remembered */

static struct err err;

static struct crypto_view view(const char *s)
{
	return (struct crypto_view){(const uint8_t *)s, strlen(s)};
}

static struct crypto_bytes generate(const char *kind)
{
	struct crypto_bytes list;

	ck_assert_int_eq(crypto_key_generate(kind, 0, view(""), &list, &err), 0);
	return list;
}

static void refused(const char *kind, const void *list, size_t len)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	struct crypto_view v = {list, len};

	ck_assert_int_eq(crypto_key_check(kind, v, &out, &err), -EINVAL);
	ck_assert_str_ne(err.msg, "");
}

START_TEST(broken_lists_are_refused)
{
	_cleanup_crypto_ struct crypto_bytes good = generate("P-256");
	uint8_t many[4 * 9] = {0};

	refused("P-256", "", 0);
	refused("P-256", many, sizeof(many));
	refused("P-256", "\xff\xff\xff\xff", 4);
	/* The first two numbers alone are a public key. */
	for (size_t len = 1; len < good.len; len++)
		refused("P-256", good.data, len == 72 ? 71 : len);
	refused("P-384", good.data, good.len);
	refused("RSA", good.data, good.len);
	refused("ED25519", good.data, good.len);
	refused("P-224", good.data, good.len);
}
END_TEST

START_TEST(a_private_key_has_its_public_one)
{
	static const char *const kinds[] = {
		"P-256", "P-384", "P-521", "ED25519", "ED448", "X25519", "X448"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_crypto_ struct crypto_bytes list = generate(kinds[i]),
						     out = CRYPTO_BYTES_INIT;
		struct crypto_view v = crypto_view_of(&list);

		ck_assert_int_eq(crypto_key_check(kinds[i], v, &out, &err), 0);
		ck_assert(crypto_equal(v, crypto_view_of(&out)));
		list.data[5] ^= 1;
		refused(kinds[i], list.data, list.len);
	}
}
END_TEST

START_TEST(keys_are_remembered_by_their_ids)
{
	struct crypto_bytes lists[KEYS], signatures[KEYS];

	for (size_t i = 0; i < KEYS; i++)
		lists[i] = generate("ED25519");
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < KEYS; i++) {
			struct crypto_key key = {"ED25519", i + 1, crypto_view_of(&lists[i])};
			struct crypto_bytes again;

			ck_assert_int_eq(crypto_sign(&key, NULL, CRYPTO_PKCS1, view("data"),
						 round ? &again : &signatures[i], &err),
				0);
			if (!round)
				continue;
			ck_assert(crypto_equal(
				crypto_view_of(&again), crypto_view_of(&signatures[i])));
			crypto_bytes_finish(&again);
		}
	for (size_t i = 0; i < KEYS; i++) {
		struct crypto_key key = {"ED25519", KEYS + 1 + i, {lists[i].data, 36}};
		bool ok;

		ck_assert_int_eq(crypto_verify(&key, NULL, CRYPTO_PKCS1,
					 crypto_view_of(&signatures[i]), view("data"), &ok, &err),
			0);
		ck_assert(ok);
		ck_assert_int_eq(crypto_verify(&key, NULL, CRYPTO_PKCS1,
					 crypto_view_of(&signatures[i]), view("date"), &ok, &err),
			0);
		ck_assert(!ok);
	}
	for (size_t i = 0; i < KEYS; i++) {
		crypto_bytes_finish(&lists[i]);
		crypto_bytes_finish(&signatures[i]);
	}
}
END_TEST

START_TEST(names_and_sizes_are_checked)
{
	_cleanup_crypto_ struct crypto_bytes out = CRYPTO_BYTES_INIT;
	uint8_t key[32] = {0}, iv[129] = {0};
	struct crypto_view k = {key, sizeof(key)}, large = {iv, sizeof(iv)};

	ck_assert_int_eq(crypto_digest("MD5", view(""), &out, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "no hash 'MD5'");
	ck_assert_int_eq(crypto_pbkdf2("SHA-1", view(""), view(""), CRYPTO_PBKDF2_HASHES / 2 + 1,
				 21, &out, &err),
		-EINVAL);
	ck_assert_int_eq(
		crypto_aes_gcm(true, k, large, view(""), 16, view(""), &out, &err), -EINVAL);
	ck_assert_int_eq(crypto_aes_cbc(true, (struct crypto_view){key, 31},
				 (struct crypto_view){iv, 16}, view(""), &out, &err),
		-EINVAL);
	ck_assert_int_eq(crypto_aes_kw(true, k, (struct crypto_view){iv, 8}, &out, &err), -EINVAL);
	ck_assert_int_eq(
		crypto_key_generate("RSA", CRYPTO_RSA_GENERATE_MAX + 1, view("\3"), &out, &err),
		-EINVAL);
	ck_assert_int_eq(crypto_key_generate("RSA", 1024, view("\4"), &out, &err), -EINVAL);
}
END_TEST

UNIT_MAIN("aworker_crypto", broken_lists_are_refused, a_private_key_has_its_public_one,
	keys_are_remembered_by_their_ids, names_and_sizes_are_checked)
