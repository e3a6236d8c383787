/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys from outside. The first byte of an input says of which kind and in which form (a
 * multiple of the forms) the rest is; what is taken for a key must be one: written and read
 * again it is the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "aworker/crypto/crypto.h"
#include "runtime/base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_sentence(const struct err *err)
{
	require(err->code > 0 && err->msg[0] != '\0');
	for (const char *c = err->msg; *c; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* What was read from `format` gives the same list when it is written and read once more. */
static void check_again(
	const char *kind, enum crypto_format format, const struct crypto_bytes *list)
{
	_cleanup_crypto_ struct crypto_bytes der = CRYPTO_BYTES_INIT, again = CRYPTO_BYTES_INIT;
	struct crypto_key key = {kind, 0, crypto_view_of(list)};
	struct err err = ERR_INIT;

	if (format == CRYPTO_RAW)
		format = CRYPTO_SPKI;
	require(crypto_key_encode(&key, format, &der, &err) == 0);
	require(crypto_key_decode(kind, format, crypto_view_of(&der), &again, &err) == 0);
	require(crypto_equal(crypto_view_of(list), crypto_view_of(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = {
		"RSA", "P-256", "P-384", "P-521", "ED25519", "ED448", "X25519", "X448"};
	_cleanup_crypto_ struct crypto_bytes list = CRYPTO_BYTES_INIT, same = CRYPTO_BYTES_INIT;
	struct err err = ERR_INIT;
	struct crypto_view rest;
	const char *kind;
	int form, r;

	if (size < 1)
		return 0;
	kind = kinds[data[0] % ARRAY_SIZE(kinds)];
	form = data[0] / (int)ARRAY_SIZE(kinds) % 4;
	rest = (struct crypto_view){data + 1, size - 1};
	if (form == 3)
		r = crypto_key_check(kind, rest, &list, &err);
	else
		r = crypto_key_decode(kind, (enum crypto_format)form, rest, &list, &err);
	if (r < 0) {
		check_sentence(&err);
		return 0;
	}
	require(crypto_key_check(kind, crypto_view_of(&list), &same, &err) == 0);
	require(crypto_equal(crypto_view_of(&list), crypto_view_of(&same)));
	if (form != 3)
		check_again(kind, (enum crypto_format)form, &list);
	return 0;
}
