/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cryptography over OpenSSL 3, without a word of JavaScript: what crypto.subtle is made of.
 *
 * Nothing of OpenSSL runs before crypto_init(), which every function here calls. Its random
 * numbers come from getrandom(2) each time, so that no generator is copied with the process: two
 * clones of one seed, or two workers from one state image, never share a random bit.
 *
 * Functions return 0 or a negative errno: -ENOMEM, or -EINVAL for what the caller's bytes do not
 * allow. The sentence says nothing of secret bytes. Results are `struct crypto_bytes`, which are
 * cleansed when they go.
 */
#ifndef AWORKER_CRYPTO_CRYPTO_H
#define AWORKER_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* What one call may be given, and what one call may cost: it runs to its end in the one thread. */
#define CRYPTO_INPUT_MAX	((size_t)1 << 30)
#define CRYPTO_OUTPUT_MAX	((size_t)1 << 20) /* of HKDF, PBKDF2 and the length of HMAC keys */
#define CRYPTO_PBKDF2_HASHES	10000000	  /* iterations times blocks of the hash's size */
#define CRYPTO_RSA_GENERATE_MIN 512		  /* bits; what OpenSSL still makes */
#define CRYPTO_RSA_GENERATE_MAX 4096
#define CRYPTO_RSA_IMPORT_MAX	8192

/* Borrowed. `data` may be NULL when `len` is 0. */
struct crypto_view {
	const uint8_t *data;
	size_t len;
};

/* Owned. */
struct crypto_bytes {
	uint8_t *data;
	size_t len;
};

#define CRYPTO_BYTES_INIT \
	{                 \
		NULL, 0   \
	}

int crypto_bytes_alloc(struct crypto_bytes *b, size_t len, struct err *err);
void crypto_bytes_finish(struct crypto_bytes *b);
#define _cleanup_crypto_ _cleanup_(crypto_bytes_finish)

static inline struct crypto_view crypto_view_of(const struct crypto_bytes *b)
{
	return (struct crypto_view){b->data, b->len};
}

/*
 * Brings OpenSSL up without its configuration file, which would be the container's, and with our
 * randomness. Cheap when it was called before.
 */
void crypto_init(void);
/* The sentence of a failure of OpenSSL: `what`, then its own reason. Empties its queue. */
int crypto_fail(struct err *err, const char *what);

/* --- hashes: "SHA-1", "SHA-256", "SHA-384", "SHA-512" --- */

int crypto_digest(
	const char *hash, struct crypto_view data, struct crypto_bytes *ret, struct err *err);
int crypto_hmac(const char *hash, struct crypto_view key, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err);
/* In a time that depends on the lengths only. */
bool crypto_equal(struct crypto_view a, struct crypto_view b);
int crypto_hkdf(const char *hash, struct crypto_view key, struct crypto_view salt,
	struct crypto_view info, size_t len, struct crypto_bytes *ret, struct err *err);
int crypto_pbkdf2(const char *hash, struct crypto_view password, struct crypto_view salt,
	uint32_t iterations, size_t len, struct crypto_bytes *ret, struct err *err);

/* --- AES; the key's length says which --- */

int crypto_aes_cbc(bool encrypt, struct crypto_view key, struct crypto_view iv,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err);
/* `bits` of the counter block are counted, from its end. */
int crypto_aes_ctr(struct crypto_view key, struct crypto_view counter, unsigned int bits,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err);
/* The tag of `tag_len` bytes stands behind the ciphertext. */
int crypto_aes_gcm(bool encrypt, struct crypto_view key, struct crypto_view iv,
	struct crypto_view aad, size_t tag_len, struct crypto_view data, struct crypto_bytes *ret,
	struct err *err);
/* RFC 3394 */
int crypto_aes_kw(bool wrap, struct crypto_view key, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err);

/*
 * --- key pairs ---
 * A key is a list of big-endian numbers, each behind its length in four bytes (big-endian too), in
 * the order of a JSON Web Key:
 *   RSA                             n e [d p q dp dq qi]
 *   P-256 P-384 P-521               x y [d], padded to the length of the curve
 *   ED25519 ED448 X25519 X448       x [d]
 * What is in brackets makes it a private one. `id` names a list for good: what OpenSSL makes of it
 * is kept for the next call, for as long as there is room. 0: not kept.
 */
struct crypto_key {
	const char *kind;
	uint64_t id;
	struct crypto_view list;
};

/* `bits` and `exponent` are for RSA only. Results in the list of the private key. */
int crypto_key_generate(const char *kind, unsigned int bits, struct crypto_view exponent,
	struct crypto_bytes *ret, struct err *err);
/* Whether the numbers are a key of this kind, and the list as it is to be kept. */
int crypto_key_check(
	const char *kind, struct crypto_view list, struct crypto_bytes *ret, struct err *err);

enum crypto_format {
	CRYPTO_SPKI,
	CRYPTO_PKCS8,
	CRYPTO_RAW, /* a point, compressed or not; a public key of the others */
};
int crypto_key_decode(const char *kind, enum crypto_format format, struct crypto_view data,
	struct crypto_bytes *ret, struct err *err);
/* Not for CRYPTO_RAW. */
int crypto_key_encode(const struct crypto_key *key, enum crypto_format format,
	struct crypto_bytes *ret, struct err *err);

/* How an RSA key signs; others have one way only. */
#define CRYPTO_PKCS1 (-1) /* instead of the length of the salt of PSS */

/* `hash` is NULL for ED25519 and ED448. ECDSA signatures are r and s, each as long as the curve. */
int crypto_sign(const struct crypto_key *key, const char *hash, int salt_len,
	struct crypto_view data, struct crypto_bytes *ret, struct err *err);
int crypto_verify(const struct crypto_key *key, const char *hash, int salt_len,
	struct crypto_view signature, struct crypto_view data, bool *ret, struct err *err);
int crypto_rsa_oaep(bool encrypt, const struct crypto_key *key, const char *hash,
	struct crypto_view label, struct crypto_view data, struct crypto_bytes *ret,
	struct err *err);
/* Diffie-Hellman of a private key and a public one of the same kind. */
int crypto_derive(const struct crypto_key *key, const struct crypto_key *peer,
	struct crypto_bytes *ret, struct err *err);

#endif
