/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane without memory: each allocation in turn fails, while a set is applied and clients of both
 * versions ask. Nobody crashes, nothing is left over, and who asks afterwards is served.
 */
#include <errno.h>

#include "tests/noslated/fuzz_rig.h"
#include "tests/noslated/h2_frames.h"
#include "tests/unit/unit.h"

#define ROUNDS_MAX 2000
#define TRIES_MAX  2000 /* of 1 ms */

/* --- an allocator that fails once --- */

static long fail_at; /* the one that fails; 0: none */
static bool has_failed;

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__ /* which has an allocator of its own */
#define CAN_FAIL 0
#else
#define CAN_FAIL 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool fails(void)
{
	if (fail_at == 0 || --fail_at > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
#endif

/* --- what happens --- */

static const char text[] =
	"{\"version\": 1, \"tenants\": [{\"name\": \"t\", \"running\": 9}], \"functions\": ["
	"{\"name\": \"f\", \"ejectedAfter\": 0, \"breaker\": {\"failures\": 0}, \"tenant\": \"t\", "
	"\"code\": {\"path\": \"/y\"}, \"routes\": [{\"path\": \"/\"}]},"
	"{\"name\": \"g\", \"code\": {\"path\": \"/z\"}, \"routes\": [{\"host\": \"g\", \"path\": "
	"\"/a/b\"}]}]}";
static const char request[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void serve(struct rig *r)
{
	static int workers[64];
	static int n;
	char seen[65536];
	int fd;

	rig_turn(r);
	while (n < 64 && (fd = accept4(r->worker, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		workers[n++] = fd;
	for (int i = 0; i < n; i++) {
		ssize_t len = recv(workers[i], seen, sizeof(seen), 0);

		if (len > 0)
			send(workers[i], response, sizeof(response) - 1, MSG_NOSIGNAL);
		if (len > 0 || (len < 0 && errno == EAGAIN))
			continue;
		close(workers[i]);
		workers[i--] = workers[--n];
	}
	rig_turn(r);
}

static void ask(struct rig *r, int fd, const void *data, size_t len)
{
	send(fd, data, len, MSG_NOSIGNAL);
	serve(r);
	serve(r);
}

static void ask_by_h2(struct buf *frames)
{
	struct buf b = BUF_INIT;

	h2_begin(frames);
	h2_request(&b, "POST", "/");
	h2_header(&b, "cookie", "a=b");
	h2_frame(frames, H2_HEADERS, H2_END_HEADERS, 1, b.data, b.len);
	h2_frame(frames, H2_DATA, H2_END_STREAM, 1, "abc", 3);
	buf_finish(&b);
}

/* The policy lets some time pass after a start for which there was no memory. */
static bool is_served(struct rig *r)
{
	char answer[4096];
	size_t len = 0;
	int fd = rig_connect(r);

	send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	for (int i = 0; i < TRIES_MAX && len == 0; i++) {
		serve(r);
		len = rig_read(fd, answer, sizeof(answer) - 1);
		if (len == 0)
			usleep(1000);
	}
	answer[len] = '\0';
	close(fd);
	rig_turn(r);
	return strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
}

/* False: so many allocations there were not. */
static bool round_fails(long at)
{
	struct buf frames = BUF_INIT;
	struct profile_set set;
	struct err err = ERR_INIT;
	struct rig r;
	int one, two, e;

	rig_open(&r);
	one = rig_connect(&r);
	two = rig_connect(&r);
	ask_by_h2(&frames);
	ck_assert_int_eq(profile_set_parse(text, sizeof(text) - 1, &set, NULL, &err), 0);
	has_failed = false;
	fail_at = at;
	e = data_apply(r.plane, &set, &err);
	ask(&r, one, request, sizeof(request) - 1);
	ask(&r, two, frames.data, frames.len);
	fail_at = 0;
	ck_assert_int_eq(e, e == 0 ? 0 : -ENOMEM);
	/* What could not be applied can be applied later. */
	if (e < 0)
		ck_assert_int_eq(data_apply(r.plane, &set, &err), 0);
	profile_set_finish(&set);
	ck_assert_msg(is_served(&r), "allocation %ld", at);
	close(one);
	close(two);
	buf_finish(&frames);
	for (int i = 0; i < 4; i++)
		serve(&r);
	rig_close(&r);
	return has_failed;
}

START_TEST(each_allocation)
{
	long at = 1;

#if CAN_FAIL
	uv_replace_allocator(__libc_malloc, __libc_realloc, __libc_calloc, __libc_free);
	while (round_fails(at)) {
		ck_assert_int_lt(at, ROUNDS_MAX);
		at++;
	}
	/* There are some. */
	ck_assert_int_gt(at, 50);
#else
	ck_assert(!round_fails(at));
#endif
}
END_TEST

UNIT_MAIN("noslated_memory", each_allocation)
