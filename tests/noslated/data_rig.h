/* SPDX-License-Identifier: Apache-2.0 */
/* A data plane in this process, with clients and workers that are sockets of ours, byte by byte. */
#ifndef TESTS_NOSLATED_DATA_RIG_H
#define TESTS_NOSLATED_DATA_RIG_H

#include "seed/noslated/data/data.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "runtime/base/buf.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/words.h"
#include "tests/unit/unit.h"

#define WORKERS 8
#define HELLO	"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static uv_loop_t loop;
static struct data_plane *d;
static struct sockaddr_un front;
static struct {
	char name[DATA_WORKER_NAME_MAX + 1], function[16], path[64];
	int listener;
	bool stopped;
} workers[WORKERS];
static int n_workers;
static bool drained;

/* --- a world --- */

static inline int listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	return fd;
}

static inline void on_start(void *arg, const char *function, const char *worker)
{
	ck_assert_ptr_eq(arg, &loop);
	ck_assert_int_lt(n_workers, WORKERS);
	snprintf(workers[n_workers].name, sizeof(workers[0].name), "%s", worker);
	snprintf(workers[n_workers].function, sizeof(workers[0].function), "%s", function);
	workers[n_workers++].listener = -1;
}

static inline void on_stop(void *arg UNUSED, const char *worker)
{
	for (int i = 0; i < n_workers; i++)
		workers[i].stopped |= streq(workers[i].name, worker);
}

static char said[512];

static inline void on_release(void *arg UNUSED, const char *worker)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "release %s;", worker);
}

static inline void on_have(void *arg UNUSED, const char *worker)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "have %s;", worker);
}

static const struct data_maker maker = {on_start, on_stop, on_release, on_have};

__attribute__((format(printf, 1, 2))) static int apply_text(const char *format, ...)
{
	struct profile_set set = {0};
	struct err err = ERR_INIT;
	char text[4096];
	va_list ap;
	int r;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	r = profile_set_parse(text, strlen(text), &set, NULL, &err);
	ck_assert_msg(r == 0, "%s", err.msg);
	r = data_apply(d, &set, &err);
	if (r == 0)
		ck_assert_ptr_null(set.functions);
	profile_set_finish(&set);
	return r;
}

static inline int apply(const char *functions)
{
	return apply_text("{\"version\": 1, \"functions\": [%s]}", functions);
}

#define FUNCTION(name, more)                                        \
	"{\"name\": \"" name "\", \"routes\": [{\"path\": \"/" name \
	"\"}], \"code\": {\"path\": \"/" name "\"}" more "}"

static inline void begin(const char *functions)
{
	const struct data_options o = DATA_OPTIONS_DEFAULT;
	struct err err = ERR_INIT;

	n_workers = 0;
	memset(workers, 0, sizeof(workers));
	drained = false;
	front = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(front.sun_path, sizeof(front.sun_path), "/tmp/turf-test-data-%d", getpid());
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(data_create(&loop, &o, &maker, &loop, &d, &err), 0);
	ck_assert_int_eq(apply(functions), 0);
	ck_assert_int_eq(data_listen(d, listen_at(front.sun_path), &err), 0);
}

/* Until nothing happens any more; what waits for time does not. */
static inline void turn(void)
{
	for (int i = 0; i < 8; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static inline void pass(int ms)
{
	for (int i = 0; i < ms; i += 5) {
		usleep(5000);
		turn();
	}
}

static inline void end(void)
{
	data_destroy(d);
	turn();
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(front.sun_path);
	for (int i = 0; i < n_workers; i++)
		unlink(workers[i].path);
}

static inline void ready(int i)
{
	snprintf(
		workers[i].path, sizeof(workers[i].path), "/tmp/turf-test-data-%d-%d", getpid(), i);
	workers[i].listener = listen_at(workers[i].path);
	data_worker_ready(d, workers[i].name, workers[i].path);
	turn();
}

static inline void gone(int i)
{
	close(workers[i].listener);
	data_worker_gone(d, workers[i].name);
	turn();
}

static inline int client(const char *request)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&front, sizeof(front)), 0);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (int)strlen(request));
	turn();
	return fd;
}

static inline const char *heard(int fd)
{
	static char text[65536];
	ssize_t n;

	turn();
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return n == 0 ? "end" : text;
}

static inline bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static inline int accepted(int i)
{
	return accept4(workers[i].listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
	turn();
}

static inline void on_drained(void *arg)
{
	ck_assert_ptr_eq(arg, &drained);
	drained = true;
}

#endif
