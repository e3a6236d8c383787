/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/ws/ws_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>

#include "aworker/crypto/crypto.h"
#include "aworker/fetch/fetch_priv.h"
#include "runtime/base/util.h"

static int tls_error(const char *what, struct err *err)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return err_say(err, EPROTO, "TLS: %s: %s", what, reason ? reason : "failed");
}

int ws_tls_context(const char *const *env, void **ret, struct err *err)
{
	SSL_CTX *context;
	void *store;

	crypto_init();
	if (fetch_ca_load(env, &store, err) < 0)
		return -err->code;
	context = SSL_CTX_new(TLS_client_method());
	if (!context) {
		fetch_ca_free(store);
		return tls_error("context", err);
	}
	SSL_CTX_set1_cert_store(context, store);
	fetch_ca_free(store);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	*ret = context;
	return 0;
}

void ws_tls_context_free(void *context)
{
	SSL_CTX_free(context);
}

/* A name, or an address, which is not sent ahead. */
static bool set_host(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	char bare[INET6_ADDRSTRLEN + 2];

	if (*host == '[' && strlen(host) < sizeof(bare)) {
		snprintf(bare, sizeof(bare), "%.*s", (int)strlen(host) - 2, host + 1);
		host = bare;
	}
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

int ws_tls_create(void *context, int fd, const char *host, void **ret, struct err *err)
{
	static const unsigned char http11[] = "\x08http/1.1";
	SSL *ssl = SSL_new(context);

	if (!ssl || SSL_set_fd(ssl, fd) != 1 || !set_host(ssl, host) ||
		SSL_set_alpn_protos(ssl, http11, sizeof(http11) - 1) != 0) {
		SSL_free(ssl);
		return tls_error("connection", err);
	}
	SSL_set_connect_state(ssl);
	*ret = ssl;
	return 0;
}

void ws_tls_free(void *tls)
{
	SSL_free(tls);
}

int ws_tls_handshake(void *tls, struct err *err)
{
	int r = SSL_do_handshake(tls);
	long verified;

	if (r == 1)
		return 0;
	switch (SSL_get_error(tls, r)) {
	case SSL_ERROR_WANT_READ: return EPOLLIN;
	case SSL_ERROR_WANT_WRITE: return EPOLLOUT;
	}
	verified = SSL_get_verify_result(tls);
	if (verified == X509_V_OK)
		return tls_error("handshake", err);
	ERR_clear_error();
	return err_say(
		err, EPROTO, "TLS: certificate: %s", X509_verify_cert_error_string(verified));
}

/* What OpenSSL says of a result as errno. */
static ssize_t result(void *tls, int r)
{
	if (r > 0)
		return r;
	switch (SSL_get_error(tls, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
	case SSL_ERROR_ZERO_RETURN: return 0;
	default:
		ERR_clear_error();
		errno = ECONNRESET;
		return -1;
	}
}

ssize_t ws_tls_read(void *tls, void *data, size_t len)
{
	return result(tls, SSL_read(tls, data, len > INT_MAX ? INT_MAX : (int)len));
}

ssize_t ws_tls_write(void *tls, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	return result(tls, SSL_write(tls, data, len > INT_MAX ? INT_MAX : (int)len));
}
