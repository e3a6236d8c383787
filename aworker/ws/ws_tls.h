/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of WebSockets over sockets that do not block. What OpenSSL has is void * outside of ws_tls.c. */
#ifndef AWORKER_WS_WS_TLS_H
#define AWORKER_WS_WS_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* With the certificates that fetch() trusts. */
int ws_tls_context(const char *const *env, void **ret, struct err *err);
void ws_tls_context_free(void *context);

/* The server has to prove that it is `host`. The descriptor stays the caller's. */
int ws_tls_create(void *context, int fd, const char *host, void **ret, struct err *err);
void ws_tls_free(void *tls);
/* 0: done; positive: the events to wait for; negative with a sentence. */
int ws_tls_handshake(void *tls, struct err *err);
/* As recv(2) and send(2): -1 with EAGAIN when it would block. */
ssize_t ws_tls_read(void *tls, void *data, size_t len);
ssize_t ws_tls_write(void *tls, const void *data, size_t len);

#endif
