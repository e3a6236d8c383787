/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/ctl/dashboard.h"
#include "seed/noslated/web/request.h"

/* The ones that is_our_host() knows. */
static bool is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;

	return a->ss_family == AF_INET ? four->sin_addr.s_addr == htonl(INADDR_LOOPBACK)
				       : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

int dashboard_place(const char *text, struct dashboard_place *ret, struct err *err)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret->address;
	struct sockaddr_in *four = (struct sockaddr_in *)&ret->address;
	const char *colon = strrchr(text, ':');
	const size_t len = colon ? (size_t)(colon - text) : 0;
	char host[64] = "", *end = NULL;
	unsigned long port = 0;

	*ret = (struct dashboard_place){0};
	if (colon && len > 0 && len < sizeof(host) && colon[1] >= '0' && colon[1] <= '9') {
		memcpy(host, text, len);
		port = strtoul(colon + 1, &end, 10);
	}
	if (!end || *end || port > UINT16_MAX)
		return err_say(err, EINVAL, "--listen: '%s' is not ADDRESS:PORT", text);
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		ret->len = sizeof(*four);
	} else if (host[0] == '[' && host[len - 1] == ']' && (host[len - 1] = '\0') == '\0' &&
		   inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		ret->len = sizeof(*six);
	} else {
		return err_say(err, EINVAL, "--listen: '%s' is not ADDRESS:PORT", text);
	}
	return is_loopback(&ret->address)
		       ? 0
		       : err_say(err, EINVAL,
				 "--listen: '%s' is no address of this machine alone, such as "
				 "127.0.0.1:8000",
				 text);
}

/* Names whose meaning no foreign site can change. */
static bool is_our_host(const char *host, uint16_t port)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "%s:%u", names[i], port);
		if (streq(host, text) || (port == 80 && streq(host, names[i])))
			return true;
	}
	return false;
}

/* In a time that says nothing of how much of it is right. NULL: it is not. */
static const char *behind_token(const char *path, const char token[DASHBOARD_TOKEN_LEN + 1])
{
	unsigned char differs = 0;

	if (strlen(path) < DASHBOARD_TOKEN_LEN + 2)
		return NULL;
	for (size_t i = 0; i < DASHBOARD_TOKEN_LEN; i++)
		differs |= (unsigned char)(path[i + 1] ^ token[i]);
	return differs == 0 && path[DASHBOARD_TOKEN_LEN + 1] == '/' ? path + DASHBOARD_TOKEN_LEN + 2
								    : NULL;
}

enum dashboard_answer dashboard_route(const struct web_request *r, uint16_t port,
	const char token[DASHBOARD_TOKEN_LEN + 1], const char **ret_target)
{
	static const struct {
		const char *name, *target, *query;
	} list[] = {{"api/status", "/v1/status", ""}, {"api/node", "/v1/node", ""},
		{"api/events", "/v1/events", "since"}};
	const char *rest;
	struct err err;

	if (!is_our_host(r->host, port))
		return DASHBOARD_FOREIGN;
	rest = behind_token(r->target, token);
	if (!rest)
		return DASHBOARD_NOTHING;
	if (r->method != WEB_GET)
		return DASHBOARD_NO_METHOD;
	if (!*rest)
		return DASHBOARD_PAGE;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		if (!streq(rest, list[i].name) ||
			web_query_check(r->query, list[i].query, &err) < 0)
			continue;
		*ret_target = list[i].target;
		return DASHBOARD_ASK;
	}
	return DASHBOARD_NOTHING;
}
