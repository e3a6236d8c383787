/* SPDX-License-Identifier: Apache-2.0 */
/* What noslatectl shows: tables, amounts, and what its dashboard answers to. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "seed/noslated/ctl/dashboard.h"
#include "seed/noslated/ctl/table.h"
#include "seed/noslated/web/request.h"
#include "tests/unit/unit.h"

static const struct table_column columns[] = {{"NAME", false}, {"N", true}, {"", false}};

static void check(const struct table *t, bool colour, size_t width, size_t rows, const char *wanted)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	ck_assert(table_write(t, colour, width, rows, &out));
	ck_assert_str_eq(out.data, wanted);
}

static void row(struct table *t, const char *name, int n, enum table_tone tone, const char *note)
{
	table_put(t, TABLE_PLAIN, name);
	table_printf(t, "%d", n);
	table_put(t, tone, note);
}

START_TEST(tables)
{
	struct table *t = table_create(columns, ARRAY_SIZE(columns));

	check(t, false, 0, 0, "NAME  N  \n");
	row(t, "a", 5, TABLE_PLAIN, "");
	row(t, "b\303\244ckward", 1000, TABLE_BAD, "bad");
	ck_assert_uint_eq(table_rows(t), 2);
	check(t, false, 0, 0, "NAME         N  \na            5  \nb\303\244ckward  1000  bad\n");
	check(t, true, 0, 0,
		"\033[1mNAME\033[0m         \033[1mN\033[0m  \033[1m\033[0m\n"
		"a            5  \nb\303\244ckward  1000  \033[31mbad\033[0m\n");
	check(t, false, 6, 1, "NAME  \na     \n");
	check(t, false, 3, 0, "NAM\na  \nb\303\244c\n");
	table_destroy(t);
}
END_TEST

/* Nothing that a worker says moves the cursor or ends a line. */
START_TEST(safe)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	static const char text[] = "a\033[2J\n\177\302\233b\377\342\202\254\200";

	table_put_safely(&out, text, sizeof(text) - 1);
	ck_assert_str_eq(out.data, "a?[2J???b?\342\202\254?");
}
END_TEST

START_TEST(amounts)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} times[] = {{0, "-"}, {1, "0.0us"}, {1500, "1.5us"}, {999999, "1000us"},
		{2500000, "2.5ms"}, {123000000, "123ms"}, {4200000000, "4.2s"},
		{UINT64_MAX, ">100s"}};
	static const struct {
		uint64_t n;
		const char *text;
	} sizes[] = {{0, "-"}, {17, "17"}, {1536, "1.5Ki"}, {128u << 20, "128Mi"},
		{UINT64_C(3) << 40, "3.0Ti"}, {UINT64_C(5000) << 40, "5000Ti"}};
	char text[TABLE_AMOUNT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		ck_assert_str_eq(table_time(times[i].ns, text), times[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_str_eq(table_bytes(sizes[i].n, text), sizes[i].text);
}
END_TEST

/* --- the dashboard --- */

static const char token[] = "0123456789abcdef0123456789abcdef";

static enum dashboard_answer route(const char *host, const char *target, const char *query,
	enum web_method method, const char **ret_target)
{
	struct web_request r = {.method = method, .query = query};

	snprintf(r.host, sizeof(r.host), "%s", host);
	snprintf(r.target, sizeof(r.target), "%s", target);
	return dashboard_route(&r, 8000, token, ret_target);
}

#define ROOT "/0123456789abcdef0123456789abcdef/"

START_TEST(who_is_answered)
{
	const char *ours = "127.0.0.1:8000", *target = NULL;

	ck_assert_int_eq(route(ours, ROOT, "", WEB_GET, &target), DASHBOARD_PAGE);
	ck_assert_int_eq(route("localhost:8000", ROOT, "", WEB_GET, &target), DASHBOARD_PAGE);
	ck_assert_int_eq(route("[::1]:8000", ROOT, "", WEB_GET, &target), DASHBOARD_PAGE);
	ck_assert_int_eq(route(ours, ROOT "api/status", "", WEB_GET, &target), DASHBOARD_ASK);
	ck_assert_str_eq(target, "/v1/status");
	ck_assert_int_eq(
		route(ours, ROOT "api/events", "since=3", WEB_GET, &target), DASHBOARD_ASK);
	ck_assert_str_eq(target, "/v1/events");
	ck_assert_int_eq(
		route(ours, ROOT "api/events", "follow=1", WEB_GET, &target), DASHBOARD_NOTHING);
	ck_assert_int_eq(
		route(ours, ROOT "api/functions", "", WEB_GET, &target), DASHBOARD_NOTHING);
	ck_assert_int_eq(route(ours, ROOT "v1/status", "", WEB_GET, &target), DASHBOARD_NOTHING);
	ck_assert_int_eq(route(ours, ROOT "api/status", "", WEB_PUT, &target), DASHBOARD_NO_METHOD);
	ck_assert_int_eq(
		route(ours, ROOT "api/status", "", WEB_OTHER, &target), DASHBOARD_NO_METHOD);
	ck_assert_int_eq(route(ours, "/", "", WEB_GET, &target), DASHBOARD_NOTHING);
	ck_assert_int_eq(route(ours, "/api/status", "", WEB_GET, &target), DASHBOARD_NOTHING);
	ck_assert_int_eq(route(ours, "/0123456789abcdef0123456789abcdee/", "", WEB_GET, &target),
		DASHBOARD_NOTHING);
	ck_assert_int_eq(route(ours, "/0123456789abcdef0123456789abcdef", "", WEB_GET, &target),
		DASHBOARD_NOTHING);
}
END_TEST

START_TEST(foreign_names)
{
	static const char *const names[] = {"", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001",
		"localhost", "127.0.0.1.evil.example:8000", "127.0.0.1:8000.evil.example"};
	const char *target;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_int_eq(route(names[i], ROOT, "", WEB_GET, &target), DASHBOARD_FOREIGN);
}
END_TEST

START_TEST(places)
{
	static const char *const wrong[] = {"", ":80", "80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "0.0.0.0:80", "127.9.9.9:80",
		"10.0.0.1:80", "[::]:80", "::1:80", "[::1]", "localhost:80", "[", "[]:1",
		"127.0.0.1:-1", "127.0.0.1: 1"};
	struct dashboard_place p;
	struct err err;

	ck_assert_int_eq(dashboard_place("127.0.0.1:8000", &p, &err), 0);
	ck_assert_int_eq(p.address.ss_family, AF_INET);
	ck_assert_uint_eq(ntohs(((struct sockaddr_in *)&p.address)->sin_port), 8000);
	ck_assert_int_eq(dashboard_place("[::1]:8000", &p, &err), 0);
	ck_assert_int_eq(p.address.ss_family, AF_INET6);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_int_eq(dashboard_place(wrong[i], &p, &err), -EINVAL);
}
END_TEST

UNIT_MAIN("ctl_output", tables, safe, amounts, who_is_answered, foreign_names, places)
