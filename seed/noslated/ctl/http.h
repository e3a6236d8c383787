/* SPDX-License-Identifier: Apache-2.0 */
/* One request of HTTP/1.1 over a connection that is there, and its answer piece by piece. */
#ifndef SEED_NOSLATED_CTL_HTTP_H
#define SEED_NOSLATED_CTL_HTTP_H

#include <stddef.h>

#include "runtime/base/err.h"

/* Of an answer: status line and header fields. */
#define HTTP_HEAD_MAX 65536

struct http_sink {
	/* `head`: its lines, each with "\n", as they came; interim ones (1xx) are left out. */
	int (*head)(void *arg, int status, const char *head, struct err *err);
	int (*body)(void *arg, const char *data, size_t len, struct err *err);
	void *arg;
};

/*
 * Sends all of `request` and hands the answer on, until it is complete. -EPROTO when it is none or is cut
 * short, -ETIMEDOUT when nothing comes for as long as the socket may wait; else what a sink has said.
 */
int http_exchange(
	int fd, const char *request, size_t len, const struct http_sink *sink, struct err *err);

#endif
