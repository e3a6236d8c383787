/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is trusted: the store of the system that the worker is in, SSL_CERT_FILE and
 * SSL_CERT_DIR before it, as OpenSSL's programs have it. A container whose image has
 * none (`FROM scratch`) gets the store of the machine, parsed in its seed or base image
 * and thus shared by all. Without any there is no TLS.
 *
 * Parsing a system's store takes tens of milliseconds, so it is done once a client, never
 * before somebody asks for https, and not at all where the file is the one that the seed
 * has parsed.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include "aworker/crypto/crypto.h"
#include "aworker/fetch/fetch_priv.h"
#include "runtime/base/fd.h"

/* The largest file of certificates that is compared with the seed's. */
#define CA_FILE_MAX (16u << 20)

/* Debian and its like, Fedora and its like, Alpine and the BSDs. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
};

/* Of the machine, from before the fork point; never changed afterwards. */
static struct {
	X509_STORE *store;
	unsigned char digest[EVP_MAX_MD_SIZE];
} warm;

static bool digest_of(const char *path, unsigned char ret[EVP_MAX_MD_SIZE])
{
	_cleanup_free_ char *data = NULL;
	struct err err;
	size_t len;

	crypto_init();
	memset(ret, 0, EVP_MAX_MD_SIZE);
	return file_read(AT_FDCWD, path, CA_FILE_MAX, &data, &len, &err) == 0 &&
	       EVP_Q_digest(NULL, "SHA256", NULL, data, len, ret, NULL) == 1;
}

static X509_STORE *load(const char *file, const char *dir)
{
	X509_STORE *store;

	crypto_init();
	store = X509_STORE_new();
	if (!store)
		return NULL;
	X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if ((!file || X509_STORE_load_file(store, file) == 1) &&
		(!dir || X509_STORE_load_path(store, dir) == 1))
		return store;
	X509_STORE_free(store);
	return NULL;
}

static const char *system_bundle(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	}
	return NULL;
}

static X509_STORE *warm_ref(void)
{
	return warm.store && X509_STORE_up_ref(warm.store) == 1 ? warm.store : NULL;
}

static X509_STORE *load_file(const char *path)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (warm.store && digest_of(path, digest) &&
		memcmp(digest, warm.digest, sizeof(digest)) == 0)
		return warm_ref();
	return load(path, NULL);
}

static X509_STORE *load_system(void)
{
	const char *path = system_bundle();

	return path ? load_file(path) : warm_ref();
}

int fetch_ca_load(const char *const *env, void **ret, struct err *err)
{
	const char *file = fetch_env(env, "SSL_CERT_FILE");
	const char *dir = fetch_env(env, "SSL_CERT_DIR");
	X509_STORE *store;

	if (file || dir) {
		store = dir ? load(file, dir) : load_file(file);
		if (!store)
			return err_say(err, EINVAL, "no certificates can be read from '%s'",
				file ? file : dir);
		*ret = store;
		return 0;
	}
	store = load_system();
	if (!store)
		return err_say(err, ENOENT,
			"no certificate authorities are known: '%s' is missing or has none, and "
			"SSL_CERT_FILE is not set",
			bundles[0]);
	*ret = store;
	return 0;
}

void fetch_ca_free(void *store)
{
	X509_STORE_free(store);
}

CURLcode fetch_ca_use(CURL *easy UNUSED, void *ssl_ctx, void *store)
{
	SSL_CTX_set1_cert_store(ssl_ctx, store);
	return CURLE_OK;
}

void fetch_warm_certificates(void)
{
	const char *path = system_bundle();

	if (path && !warm.store && digest_of(path, warm.digest))
		warm.store = load(path, NULL);
}
