/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES in the four modes of the Web Cryptography API. Failures to decrypt are all told in the same
 * words: what was wrong is nobody's business.
 */
#include "aworker/crypto/crypto.h"

#include <errno.h>

#include "aworker/crypto/crypto_priv.h"

#define AES_BLOCK  16u
#define GCM_IV_MAX 128u /* what OpenSSL's contexts hold */

CRYPTO_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
#define _cleanup_cipher_ _cleanup_(EVP_CIPHER_CTX_free_ptr_)

enum mode { CBC, CTR, GCM, KW };

static const EVP_CIPHER *find_cipher(enum mode mode, size_t key_len)
{
	static const EVP_CIPHER *(*const ciphers[][3])(void) = {
		[CBC] = {EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc},
		[CTR] = {EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr},
		[GCM] = {EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm},
		[KW] = {EVP_aes_128_wrap, EVP_aes_192_wrap, EVP_aes_256_wrap},
	};

	return key_len == 16 || key_len == 24 || key_len == 32 ? ciphers[mode][key_len / 8 - 2]()
							       : NULL;
}

/* A context of the mode, with everything but the key and the initial vector. */
static EVP_CIPHER_CTX *cipher_start(enum mode mode, bool encrypt, struct crypto_view key,
	struct crypto_view data, struct err *err)
{
	const EVP_CIPHER *cipher = find_cipher(mode, key.len);
	EVP_CIPHER_CTX *ctx;

	crypto_init();
	if (!cipher) {
		err_say(err, EINVAL, "AES: the key has %zu bytes", key.len);
		return NULL;
	}
	if (data.len > CRYPTO_INPUT_MAX) {
		err_say(err, EINVAL, "AES: more than %zu bytes at once", CRYPTO_INPUT_MAX);
		return NULL;
	}
	ctx = EVP_CIPHER_CTX_new();
	if (ctx && mode == KW)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!ctx || !EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt)) {
		EVP_CIPHER_CTX_free(ctx);
		crypto_fail(err, "AES");
		return NULL;
	}
	return ctx;
}

static int fail(bool encrypt, struct err *err)
{
	crypto_fail(err, "AES");
	return err_say(
		err, EINVAL, "AES: the bytes cannot be %s", encrypt ? "encrypted" : "decrypted");
}

static const uint8_t *data_of(struct crypto_view v)
{
	return v.len ? v.data : (const uint8_t *)"";
}

int crypto_aes_cbc(bool encrypt, struct crypto_view key, struct crypto_view iv,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *ctx = cipher_start(CBC, encrypt, key, data, err);
	int n = 0, last = 0, r;

	if (!ctx)
		return -EINVAL;
	if (iv.len != AES_BLOCK)
		return err_say(err, EINVAL, "AES-CBC: the iv has %zu bytes instead of 16", iv.len);
	r = crypto_bytes_alloc(ret, data.len + AES_BLOCK, err);
	if (r < 0)
		return r;
	if (!EVP_CipherInit_ex(ctx, NULL, NULL, key.data, iv.data, encrypt) ||
		!EVP_CipherUpdate(ctx, ret->data, &n, data_of(data), (int)data.len) ||
		!EVP_CipherFinal_ex(ctx, ret->data + n, &last))
		return fail(encrypt, err);
	ret->len = (size_t)n + (size_t)last;
	return 0;
}

/* Blocks up to where the counted bits are all zero again, UINT64_MAX for more than can matter. */
static uint64_t blocks_to_wrap(const uint8_t *counter, unsigned int bits)
{
	uint64_t value = 0;

	if (bits >= 64)
		for (unsigned int i = 64; i < bits; i++)
			if (!(counter[15 - i / 8] >> i % 8 & 1))
				return UINT64_MAX;
	for (unsigned int i = bits < 64 ? bits : 64; i-- > 0;)
		value = value << 1 | (counter[15 - i / 8] >> i % 8 & 1);
	/* 2^64 - 0 does not fit, and cannot matter. */
	if (bits >= 64)
		return value ? 0 - value : UINT64_MAX;
	return ((uint64_t)1 << bits) - value;
}

static void clear_counter(uint8_t *counter, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		counter[15 - i / 8] &= (uint8_t) ~(1u << i % 8);
}

/* OpenSSL counts all 128 bits: what comes after the wrap is done with a counter of its own. */
int crypto_aes_ctr(struct crypto_view key, struct crypto_view counter, unsigned int bits,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *ctx = cipher_start(CTR, true, key, data, err);
	uint64_t blocks = (data.len + AES_BLOCK - 1) / AES_BLOCK, before;
	uint8_t block[AES_BLOCK];
	size_t head;
	int n, r;

	if (!ctx)
		return -EINVAL;
	if (counter.len != AES_BLOCK || bits < 1 || bits > 128)
		return err_say(err, EINVAL, "AES-CTR: not 16 bytes with 1 to 128 bits that count");
	if (bits < 64 && blocks > (uint64_t)1 << bits)
		return err_say(err, EINVAL, "AES-CTR: %u bits cannot count the blocks", bits);
	r = crypto_bytes_alloc(ret, data.len, err);
	if (r < 0)
		return r;
	before = blocks_to_wrap(counter.data, bits);
	head = before < blocks ? (size_t)before * AES_BLOCK : data.len;
	memcpy(block, counter.data, sizeof(block));
	if (!EVP_CipherInit_ex(ctx, NULL, NULL, key.data, block, 1) ||
		!EVP_CipherUpdate(ctx, ret->data, &n, data_of(data), (int)head))
		return fail(true, err);
	if (head == data.len)
		return 0;
	clear_counter(block, bits);
	if (!EVP_CipherInit_ex(ctx, NULL, NULL, NULL, block, 1) ||
		!EVP_CipherUpdate(
			ctx, ret->data + head, &n, data.data + head, (int)(data.len - head)))
		return fail(true, err);
	return 0;
}

int crypto_aes_gcm(bool encrypt, struct crypto_view key, struct crypto_view iv,
	struct crypto_view aad, size_t tag_len, struct crypto_view data, struct crypto_bytes *ret,
	struct err *err)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *ctx = cipher_start(GCM, encrypt, key, data, err);
	uint8_t *tag = (uint8_t *)data_of(data);
	int n = 0, last = 0, r;
	size_t text = data.len;

	if (!ctx)
		return -EINVAL;
	if (iv.len < 1 || iv.len > GCM_IV_MAX)
		return err_say(err, EINVAL, "AES-GCM: the iv has not 1 to %u bytes", GCM_IV_MAX);
	if (aad.len > CRYPTO_INPUT_MAX)
		return err_say(
			err, EINVAL, "AES-GCM: more than %zu bytes at once", CRYPTO_INPUT_MAX);
	if (!encrypt && data.len < tag_len)
		return err_say(err, EINVAL, "AES-GCM: the bytes are shorter than their tag");
	if (!encrypt)
		text -= tag_len;
	r = crypto_bytes_alloc(ret, text + (encrypt ? tag_len : 0), err);
	if (r < 0)
		return r;
	if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.len, NULL) ||
		!EVP_CipherInit_ex(ctx, NULL, NULL, key.data, iv.data, encrypt) ||
		(aad.len && !EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len)) ||
		(!encrypt && !EVP_CIPHER_CTX_ctrl(
				     ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, tag + text)) ||
		!EVP_CipherUpdate(ctx, ret->data, &n, data_of(data), (int)text) ||
		!EVP_CipherFinal_ex(ctx, ret->data + text, &last) ||
		(encrypt && !EVP_CIPHER_CTX_ctrl(
				    ctx, EVP_CTRL_AEAD_GET_TAG, (int)tag_len, ret->data + text)))
		return fail(encrypt, err);
	return 0;
}

int crypto_aes_kw(bool wrap, struct crypto_view key, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err)
{
	_cleanup_cipher_ EVP_CIPHER_CTX *ctx = cipher_start(KW, wrap, key, data, err);
	int n = 0, last = 0, r;

	if (!ctx)
		return -EINVAL;
	if (data.len % 8 || data.len < (wrap ? 16 : 24))
		return err_say(err, EINVAL, "AES-KW: %zu bytes cannot be %s", data.len,
			wrap ? "wrapped" : "unwrapped");
	r = crypto_bytes_alloc(ret, data.len + AES_BLOCK, err);
	if (r < 0)
		return r;
	if (!EVP_CipherInit_ex(ctx, NULL, NULL, key.data, NULL, wrap) ||
		!EVP_CipherUpdate(ctx, ret->data, &n, data.data, (int)data.len) ||
		!EVP_CipherFinal_ex(ctx, ret->data + n, &last))
		return fail(wrap, err);
	ret->len = (size_t)n + (size_t)last;
	return 0;
}
