/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes, HMAC, and what derives bits from a secret by them. HKDF is written here in terms of
 * HMAC, since OpenSSL's takes at most a kilobyte of `info`.
 */
#include "aworker/crypto/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "aworker/crypto/crypto_priv.h"

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} hashes[] = {
	{"SHA-1", EVP_sha1},
	{"SHA-256", EVP_sha256},
	{"SHA-384", EVP_sha384},
	{"SHA-512", EVP_sha512},
};

const EVP_MD *crypto_find_hash(const char *name, struct err *err)
{
	crypto_init();
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (streq(hashes[i].name, name))
			return hashes[i].md();
	err_say(err, EINVAL, "no hash '%s'", name);
	return NULL;
}

int crypto_digest(
	const char *hash, struct crypto_view data, struct crypto_bytes *ret, struct err *err)
{
	const EVP_MD *md = crypto_find_hash(hash, err);
	int r;

	if (!md)
		return -EINVAL;
	r = crypto_bytes_alloc(ret, (size_t)EVP_MD_get_size(md), err);
	if (r < 0)
		return r;
	if (!EVP_Digest(data.data, data.len, ret->data, NULL, md, NULL))
		return crypto_fail(err, "digest");
	return 0;
}

/* HMAC() takes lengths of keys as an int. */
static int hmac_into(const EVP_MD *md, struct crypto_view key, struct crypto_view data,
	uint8_t *out, struct err *err)
{
	if (key.len > CRYPTO_INPUT_MAX)
		return err_say(err, EINVAL, "the key has more than %zu bytes", CRYPTO_INPUT_MAX);
	if (!HMAC(md, key.len ? key.data : (const uint8_t *)"", (int)key.len,
		    data.len ? data.data : (const uint8_t *)"", data.len, out, NULL))
		return crypto_fail(err, "HMAC");
	return 0;
}

int crypto_hmac(const char *hash, struct crypto_view key, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err)
{
	const EVP_MD *md = crypto_find_hash(hash, err);
	int r;

	if (!md)
		return -EINVAL;
	r = crypto_bytes_alloc(ret, (size_t)EVP_MD_get_size(md), err);
	return r < 0 ? r : hmac_into(md, key, data, ret->data, err);
}

bool crypto_equal(struct crypto_view a, struct crypto_view b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

/* RFC 5869, 2.3: each block is the HMAC of the one before, `info` and its number. */
static int hkdf_expand(const EVP_MD *md, struct crypto_view prk, struct crypto_view info,
	struct crypto_bytes *out, struct err *err)
{
	_cleanup_crypto_ struct crypto_bytes work = CRYPTO_BYTES_INIT;
	size_t size = (size_t)EVP_MD_get_size(md), have = 0;
	uint8_t block[EVP_MAX_MD_SIZE];
	int r;

	r = crypto_bytes_alloc(&work, size + info.len + 1, err);
	if (r < 0)
		return r;
	if (info.len)
		memcpy(work.data + size, info.data, info.len);
	for (unsigned int i = 1; have < out->len && r == 0; i++) {
		size_t skip = i == 1 ? size : 0, left = out->len - have;

		work.data[size + info.len] = (uint8_t)i;
		r = hmac_into(md, prk, (struct crypto_view){work.data + skip, work.len - skip},
			block, err);
		if (r < 0)
			break;
		memcpy(work.data, block, size);
		memcpy(out->data + have, block, left < size ? left : size);
		have += left < size ? left : size;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

int crypto_hkdf(const char *hash, struct crypto_view key, struct crypto_view salt,
	struct crypto_view info, size_t len, struct crypto_bytes *ret, struct err *err)
{
	const EVP_MD *md = crypto_find_hash(hash, err);
	uint8_t prk[EVP_MAX_MD_SIZE];
	size_t size;
	int r;

	if (!md)
		return -EINVAL;
	size = (size_t)EVP_MD_get_size(md);
	if (len > 255 * size)
		return err_say(err, EINVAL, "HKDF gives at most 255 times the size of its hash");
	r = crypto_bytes_alloc(ret, len, err);
	if (r == 0)
		r = hmac_into(md, salt, key, prk, err);
	if (r == 0)
		r = hkdf_expand(md, (struct crypto_view){prk, size}, info, ret, err);
	OPENSSL_cleanse(prk, sizeof(prk));
	return r;
}

int crypto_pbkdf2(const char *hash, struct crypto_view password, struct crypto_view salt,
	uint32_t iterations, size_t len, struct crypto_bytes *ret, struct err *err)
{
	const EVP_MD *md = crypto_find_hash(hash, err);
	uint64_t blocks;
	int r;

	if (!md)
		return -EINVAL;
	if (len > CRYPTO_OUTPUT_MAX || password.len > CRYPTO_INPUT_MAX ||
		salt.len > CRYPTO_INPUT_MAX)
		return err_say(err, EINVAL, "PBKDF2: too many bytes");
	blocks = (len + (size_t)EVP_MD_get_size(md) - 1) / (size_t)EVP_MD_get_size(md);
	if (iterations == 0 || iterations * blocks > CRYPTO_PBKDF2_HASHES)
		return err_say(err, EINVAL, "PBKDF2: %u iterations of %zu bytes are not 1 to %d",
			iterations, len, CRYPTO_PBKDF2_HASHES);
	r = crypto_bytes_alloc(ret, len, err);
	if (r < 0)
		return r;
	if (len && !PKCS5_PBKDF2_HMAC(password.len ? (const char *)password.data : "",
			   (int)password.len, salt.data, (int)salt.len, (int)iterations, md,
			   (int)len, ret->data))
		return crypto_fail(err, "PBKDF2");
	return 0;
}
