/* SPDX-License-Identifier: Apache-2.0 */
/* Which route of several is the one, and how equal ones share. */
#include "seed/noslated/data/router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "seed/noslated/data/head.h"
#include "seed/noslated/profile/profile.h"
#include "tests/unit/unit.h"

static struct head h;

/* Fields as "name: value\r\n". */
static const char *find(struct router *r, const char *host, const char *path, const char *fields)
{
	static char text[4096];
	const char *found;

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, fields);
	ck_assert_int_eq(head_parse_request(text, strlen(text), &h), DATA_OK);
	found = router_find(r, &h);
	return found ? found : "none";
}

static void add(struct router *r, const char *host, const char *path, const char *header,
	uint32_t weight, const char *target)
{
	const struct profile_route route = {
		.host = host, .path = path, .header = header, .weight = weight};

	ck_assert_int_eq(router_add(r, &route, (void *)target), 0);
}

START_TEST(the_most_exact)
{
	static const struct {
		const char *host, *path, *fields, *found;
	} rows[] = {
		{"a.example", "/", "", "host"},
		{"A.Example:8080", "/x", "", "host"},
		{"other", "/", "", "none"},
		{"other", "/api", "", "api"},
		{"other", "/api/", "", "api"},
		{"other", "/api/x/y", "", "api"},
		{"other", "/api?x", "", "api"},
		{"other", "/apis", "", "none"},
		{"other", "/ap", "", "none"},
		{"other", "/API", "", "none"},
		{"other", "/api/v2", "", "v2"},
		{"other", "/api/v2/z", "", "v2"},
		{"other", "/api/v22", "", "api"},
		{"other", "//api", "", "none"},
		/* A host goes before any path. */
		{"a.example", "/api/v2", "", "host"},
		{"a.example", "/only", "", "host and path"},
		/* A header goes before none, but a longer path goes before it. */
		{"other", "/api", "X-Version: two\r\n", "header"},
		{"other", "/api", "x-version:   two  \r\n", "header"},
		{"other", "/api", "X-Version: Two\r\n", "api"},
		{"other", "/api", "X-Version: one\r\nX-Version: two\r\n", "header"},
		{"other", "/api", "X-Tenant: t\r\n", "tenant"},
		{"other", "/api", "X-Tenant: t\r\nX-Version: two\r\n", "header"},
		{"other", "/api/v2", "X-Version: two\r\n", "v2"},
		{"other", "/", "X-All: 1\r\n", "all"},
		{"other", "/zzz", "X-All: 1\r\n", "all"},
	};
	struct router *r = router_create();

	add(r, "a.example", NULL, NULL, 1, "host");
	add(r, "a.example", "/only", NULL, 1, "host and path");
	add(r, NULL, "/api", NULL, 1, "api");
	add(r, NULL, "/api/v2/", NULL, 1, "v2");
	add(r, NULL, "/api", "x-version: two", 1, "header");
	add(r, NULL, "/api", "x-tenant: t", 1, "tenant");
	add(r, NULL, NULL, "x-all: 1", 1, "all");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(
			streq(find(r, rows[i].host, rows[i].path, rows[i].fields), rows[i].found),
			"%s %s %s", rows[i].host, rows[i].path, rows[i].fields);
	router_destroy(r);
}
END_TEST

START_TEST(weights)
{
	struct router *r = router_create();
	char order[9] = "";

	add(r, NULL, "/", NULL, 5, "a");
	add(r, NULL, "/", NULL, 1, "b");
	add(r, NULL, NULL, NULL, 2, "c");
	for (int i = 0; i < 8; i++)
		order[i] = *find(r, "h", "/x", "");
	/* Spread out, and the same again. */
	ck_assert_str_eq(order, "acaabaca");
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(*find(r, "h", "/x", ""), order[i]);
	router_destroy(r);
}
END_TEST

START_TEST(many)
{
	static char names[5000][16];
	struct router *r = router_create();
	char path[32], field[48];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		snprintf(path, sizeof(path), "/f/%zu", i);
		snprintf(field, sizeof(field), "x-id: %zu", i);
		add(r, NULL, i % 2 ? path : "/", i % 2 ? NULL : field, 1, names[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/f/%zu/z", i);
		snprintf(field, sizeof(field), "X-Id: %zu\r\n", i);
		ck_assert_str_eq(find(r, "h", i % 2 ? path : "/q", i % 2 ? "" : field), names[i]);
	}
	router_destroy(r);
}
END_TEST

START_TEST(depth)
{
	char path[2 * ROUTER_DEPTH_MAX + 3] = "";
	struct profile_route route = {.path = path, .weight = 1};
	struct router *r = router_create();

	for (int i = 0; i < ROUTER_DEPTH_MAX; i++)
		strcat(path, "/a");
	ck_assert_int_eq(router_add(r, &route, "deep"), 0);
	ck_assert_str_eq(find(r, "h", path, ""), "deep");
	strcat(path, "/a");
	ck_assert_str_eq(find(r, "h", path, ""), "deep");
	ck_assert_int_eq(router_add(r, &route, "deeper"), -E2BIG);
	router_destroy(r);
}
END_TEST

UNIT_MAIN("noslated_router", the_most_exact, weights, many, depth)
