/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How OpenSSL comes up in a process that will be copied: without configuration, without work at
 * exit, and without a random generator of its own. OpenSSL knows a fork by another process id,
 * which is 1 in each container, and knows nothing of a process that comes from an image.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one way to have no state at all */
#include "aworker/crypto/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <sys/random.h>

static int random_bytes(unsigned char *data, int len)
{
	while (len > 0) {
		ssize_t n = getrandom(data, (size_t)len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 0;
		data += n;
		len -= (int)n;
	}
	return 1;
}

static int random_status(void)
{
	return 1;
}

static int random_seed(const void *data, int len)
{
	return 1;
}

static int random_add(const void *data, int len, double entropy)
{
	return 1;
}

static const RAND_METHOD kernel_random = {
	.seed = random_seed,
	.bytes = random_bytes,
	.add = random_add,
	.pseudorand = random_bytes,
	.status = random_status,
};

void crypto_init(void)
{
	static bool done;

	if (done)
		return;
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	RAND_set_rand_method(&kernel_random);
	done = true;
}

int crypto_fail(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (reason)
		err_say(err, EINVAL, "%s: %s", what, reason);
	else
		err_say(err, EINVAL, "%s failed", what);
	ERR_clear_error();
	return -EINVAL;
}

int crypto_bytes_alloc(struct crypto_bytes *b, size_t len, struct err *err)
{
	uint8_t *data = malloc(len + 1);

	if (!data)
		return err_oom(err);
	b->data = data;
	b->len = len;
	return 0;
}

void crypto_bytes_finish(struct crypto_bytes *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->len);
	free_clear(&b->data);
	b->len = 0;
}
