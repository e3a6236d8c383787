/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is trusted: the store of the system that the worker is in, SSL_CERT_FILE and
 * SSL_CERT_DIR before it, as OpenSSL's programs have it. A container whose image has
 * none (`FROM scratch`) gets the store of the machine, parsed in its seed or base image
 * and thus shared by all. Without any there is no TLS.
 *
 * Parsing a system's store takes some 10 ms, so it is done once a client, and never
 * before somebody asks for https.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include "aworker/fetch_priv.h"

/* Debian and its like, Fedora and its like, Alpine and the BSDs. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
};

/* Of the machine, from before the fork point; never changed afterwards. */
static X509_STORE *warm_store;

static X509_STORE *load(const char *file, const char *dir)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		return NULL;
	X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if ((!file || X509_STORE_load_file(store, file) == 1) &&
		(!dir || X509_STORE_load_path(store, dir) == 1))
		return store;
	X509_STORE_free(store);
	return NULL;
}

static X509_STORE *load_system(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		if (access(bundles[i], R_OK) == 0)
			return load(bundles[i], NULL);
	}
	return NULL;
}

int fetch_ca_load(const char *const *env, void **ret, struct err *err)
{
	const char *file = fetch_env(env, "SSL_CERT_FILE");
	const char *dir = fetch_env(env, "SSL_CERT_DIR");
	X509_STORE *store;

	if (file || dir) {
		store = load(file, dir);
		if (!store)
			return err_say(err, EINVAL, "no certificates can be read from '%s'",
				file ? file : dir);
		*ret = store;
		return 0;
	}
	store = load_system();
	if (!store && warm_store && X509_STORE_up_ref(warm_store) == 1)
		store = warm_store;
	if (!store)
		return err_say(err, ENOENT,
			"no certificate authorities are known: '%s' is missing, and SSL_CERT_FILE "
			"is not set",
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
	if (!warm_store)
		warm_store = load_system();
}
