/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser may ask of the dashboard; apart from its sockets, so that it can be tested. */
#ifndef SEED_NOSLATED_CTL_DASHBOARD_H
#define SEED_NOSLATED_CTL_DASHBOARD_H

#include <stdint.h>
#include <sys/socket.h>

#include "runtime/base/err.h"

struct web_request;

#define DASHBOARD_TOKEN_LEN 32

struct dashboard_place {
	struct sockaddr_storage address;
	socklen_t len;
};

/* "127.0.0.1:8000", "[::1]:0"; -EINVAL for what others than this machine could reach. */
int dashboard_place(const char *text, struct dashboard_place *ret, struct err *err);

enum dashboard_answer {
	DASHBOARD_PAGE,
	DASHBOARD_ASK,	   /* the daemon */
	DASHBOARD_FOREIGN, /* a name that is not ours: another site that has its name point here */
	DASHBOARD_NOTHING,
	DASHBOARD_NO_METHOD,
};

/*
 * `ret_target` is what the daemon is to be asked: of a fixed list, with keys of the query that it may have (none
 * that makes an answer endless). The token is the first part of the path; without it there is nothing here.
 */
enum dashboard_answer dashboard_route(const struct web_request *r, uint16_t port,
	const char token[DASHBOARD_TOKEN_LEN + 1], const char **ret_target);

#endif
