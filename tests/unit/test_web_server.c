/* SPDX-License-Identifier: Apache-2.0 */
/* The small HTTP server: connections that are kept, streams and who reads them, and what is freed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/web/server.h"
#include "tests/unit/unit.h"

static uv_loop_t loop;
static struct web_server *server;
static struct err err;
static char path[64];
static bool may_ask = true;

/* Of the stream that there is. */
static struct web_client *reader;
static unsigned pulled, gone;
static unsigned endless; /* pieces that it has at once */

static enum web_stream pull(void *arg UNUSED, struct buf *out)
{
	if (endless > 0) {
		endless--;
		memset(buf_extend(out, WEB_PIECE), 'x', WEB_PIECE);
	} else {
		buf_printf(out, "piece %u\n", pulled);
	}
	return pulled++ < 2 || endless > 0 ? WEB_STREAM_MORE : WEB_STREAM_END;
}

static enum web_stream pull_nothing(void *arg UNUSED, struct buf *out UNUSED)
{
	return WEB_STREAM_MORE;
}

static void on_gone(void *arg UNUSED)
{
	gone++;
}

static const struct web_source source = {pull, on_gone}, silent = {pull_nothing, on_gone};

static void handle(void *arg UNUSED, struct web_client *c, const struct web_request *r)
{
	reader = c;
	if (streq(r->target, "/stream"))
		web_stream(c, "text/plain", &source, NULL);
	else if (streq(r->target, "/silent"))
		web_stream(c, "text/plain", &silent, NULL);
	else if (streq(r->target, "/none"))
		web_fail(c, 404, "nothing \"here\"");
	else
		web_answer(c, 200, "text/plain", r->target, strlen(r->target));
}

static bool check_peer(void *arg UNUSED, int fd UNUSED)
{
	return may_ask;
}

static void start(uint64_t limit_ms)
{
	struct web_options o = {.handle = handle,
		.may_ask = check_peer,
		.headers = "X-Test: 1\r\n",
		.clients_max = 2,
		.limit_ms = limit_ms};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, sizeof(path), "/tmp/turf-web-%d", (int)getpid());
	memcpy(a.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	uv_loop_init(&loop);
	ck_assert_int_eq(web_server_open(&loop, fd, &o, &server, &err), 0);
}

static void stop(void)
{
	web_server_close(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_int_eq(unlink(path), 0);
}

static int connect_to(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

/* Lets the server work until `wanted` is there, or the end of the connection: true then. */
static bool hear(int fd, const char *wanted)
{
	static char text[4 * WEB_PIECE];
	size_t len = 0;

	for (;;) {
		ssize_t n;

		uv_run(&loop, UV_RUN_NOWAIT);
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		ck_assert(n > 0 || errno == EAGAIN);
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
		if (wanted && len > 0 && strstr(text, wanted) &&
			streq(text + len - strlen(wanted), wanted))
			return false;
	}
}

START_TEST(one_after_the_other)
{
	int fd;

	start(10000);
	fd = connect_to();
	say(fd, "GET /a HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "X-Test: 1\r\nContent-Length: 2\r\n\r\n/a"));
	say(fd, "GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "nothing \\\"here\\\"\"\n\t]\n}\n"));
	say(fd, "GET /d HTTP/1.1\r\nConnection: close\r\n\r\n");
	ck_assert(!hear(fd, "Connection: close\r\nContent-Length: 2\r\n\r\n/d"));
	ck_assert(hear(fd, NULL));
	close(fd);
	stop();
}
END_TEST

START_TEST(who_says_nonsense)
{
	int fd;

	start(10000);
	fd = connect_to();
	say(fd, "\r\n\r\nnonsense\r\n\r\n");
	ck_assert(!hear(fd, "this is no request of HTTP/1.1\"\n\t]\n}\n"));
	/* It may say more before it reads. */
	say(fd, "nonsense\r\n\r\n");
	ck_assert(hear(fd, NULL));
	close(fd);
	stop();
}
END_TEST

START_TEST(who_may_not_ask)
{
	int fd;

	start(10000);
	may_ask = false;
	fd = connect_to();
	ck_assert(hear(fd, NULL));
	close(fd);
	stop();
}
END_TEST

START_TEST(who_says_nothing)
{
	int fd;

	start(20);
	fd = connect_to();
	say(fd, "GET /a HTTP/1.1\r\n");
	ck_assert(hear(fd, NULL));
	close(fd);
	stop();
}
END_TEST

START_TEST(in_the_backlog)
{
	int fds[3];

	start(10000);
	for (int i = 0; i < 3; i++) {
		fds[i] = connect_to();
		say(fds[i], "GET /a HTTP/1.1\r\n\r\n");
	}
	ck_assert(!hear(fds[0], "/a"));
	ck_assert(!hear(fds[1], "/a"));
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(read(fds[2], &(char){0}, 1), -1);
	close(fds[0]);
	ck_assert(!hear(fds[2], "/a"));
	close(fds[1]);
	close(fds[2]);
	stop();
}
END_TEST

START_TEST(streams)
{
	int fd;

	start(10000);
	fd = connect_to();
	say(fd, "GET /stream HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "Transfer-Encoding: chunked\r\n\r\n8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n"
			    "8\r\npiece 2\n\r\n0\r\n\r\n"));
	ck_assert_uint_eq(gone, 1);
	say(fd, "GET /a HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "/a"));
	close(fd);
	stop();
}
END_TEST

START_TEST(who_leaves)
{
	int fd;

	start(20);
	fd = connect_to();
	say(fd, "GET /silent HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "chunked\r\n\r\n"));
	/* One that has nothing to say is within no limit. */
	for (uint64_t until = uv_hrtime() + 100000000; uv_hrtime() < until;)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(gone, 0);
	web_stream_wake(reader);
	close(fd);
	while (gone == 0)
		uv_run(&loop, UV_RUN_ONCE);
	stop();
	ck_assert_uint_eq(gone, 1);
}
END_TEST

START_TEST(who_does_not_read)
{
	int fd;

	start(20);
	endless = 1000;
	fd = connect_to();
	say(fd, "GET /stream HTTP/1.1\r\n\r\n");
	while (gone == 0)
		uv_run(&loop, UV_RUN_ONCE);
	/* No more was made than what the socket holds, and a piece. */
	ck_assert_uint_gt(endless, 900);
	close(fd);
	stop();
}
END_TEST

START_TEST(cut_in_the_middle)
{
	int fd;

	start(10000);
	fd = connect_to();
	say(fd, "GET /silent HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, "chunked\r\n\r\n"));
	stop();
	ck_assert_uint_eq(gone, 1);
	close(fd);
}
END_TEST

UNIT_MAIN("web_server", one_after_the_other, who_says_nonsense, who_may_not_ask, who_says_nothing,
	in_the_backlog, streams, who_leaves, who_does_not_read, cut_in_the_middle)
