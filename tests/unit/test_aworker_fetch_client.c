/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client with a loop, against a server in a child; no JavaScript. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/fetch/fetch.h"
#include "aworker/loop.h"
#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

#define LARGE 2000000

static struct loop loop;
static struct fetch_client *client;
static pid_t server;
static char origin[64];

/* What the handler was told, of the last transfer. */
static struct {
	int status;
	unsigned heads, failures, writables;
	char code[32], message[ERR_MSG_MAX];
	size_t read;
	enum fetch_read end;
	bool cancel_at_head;
	bool do_not_read;
} seen;

/* --- the server --- */

static void send_text(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void serve_large(int fd)
{
	static char block[10000];

	send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n");
	for (size_t n = 0; n < LARGE; n += sizeof(block)) {
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
			return;
	}
}

static void serve(int fd)
{
	char in[20000];
	ssize_t n = recv(fd, in, sizeof(in) - 1, 0);

	in[n > 0 ? n : 0] = '\0';
	if (strstr(in, "GET /large"))
		serve_large(fd);
	else if (strstr(in, "GET /cut"))
		send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
	else if (strstr(in, "GET /never"))
		(void)recv(fd, in, sizeof(in), 0);
	else if (strstr(in, "GET /none"))
		return;
	else if (str_after(in, "POST /")) {
		/* The stream ends when its last chunk is there. */
		while (n > 0 && !memmem(in, (size_t)n, "0\r\n\r\n", 5))
			n = recv(fd, in, sizeof(in) - 1, 0);
		send_text(fd, "HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok");
	} else
		send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello");
}

static void child_serve(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		serve(fd);
		close(fd);
	}
}

/* --- the handler --- */

static void read_all(uint64_t id)
{
	struct err err = ERR_INIT;
	const void *bytes;
	size_t len;

	for (;;) {
		seen.end = fetch_read(client, id, &bytes, &len, &err);
		if (seen.end != FETCH_READ_PIECE)
			break;
		ck_assert(len > 0 && len <= FETCH_PIECE_MAX);
		seen.read += len;
	}
	if (seen.end == FETCH_READ_FAILED)
		snprintf(seen.message, sizeof(seen.message), "%s", err.msg);
}

static void on_head(void *data UNUSED, uint64_t id, const struct fetch_head *h)
{
	seen.heads++;
	seen.status = h->status;
	if (seen.cancel_at_head)
		fetch_cancel(client, id);
	else if (!seen.do_not_read)
		read_all(id);
}

static void on_readable(void *data UNUSED, uint64_t id)
{
	read_all(id);
}

static void on_writable(void *data UNUSED, uint64_t id UNUSED)
{
	seen.writables++;
}

static void on_failed(void *data UNUSED, uint64_t id UNUSED, const char *code, const char *message)
{
	seen.failures++;
	snprintf(seen.code, sizeof(seen.code), "%s", code);
	snprintf(seen.message, sizeof(seen.message), "%s", message);
}

static const struct fetch_handler handler = {
	.head = on_head, .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* --- */

static void set_up(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	struct err err = ERR_INIT;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	snprintf(origin, sizeof(origin), "http://localhost:%d", ntohs(a.sin_port));
	server = fork();
	if (server == 0)
		child_serve(fd);
	close(fd);
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_int_eq(fetch_client_create(&loop, NULL, &handler, NULL, &client, &err), 0);
}

static void tear_down(void)
{
	fetch_client_destroy(client);
	loop_close(&loop);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static uint64_t start(const char *method, const char *path, enum fetch_body body)
{
	char url[128];
	struct err err = ERR_INIT;
	struct fetch_request r = {.method = method, .url = url, .body = body};
	uint64_t id = 0;

	snprintf(url, sizeof(url), "%s%s", origin, path);
	ck_assert_msg(fetch_start(client, &r, &id, &err) == 0, "%s", err.msg);
	return id;
}

static void run(void)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(loop_run(&loop, &err), 0);
}

START_TEST(a_response)
{
	start("GET", "/", FETCH_BODY_NONE);
	run();
	ck_assert_int_eq(seen.status, 200);
	ck_assert_uint_eq(seen.read, 5);
	ck_assert_int_eq(seen.end, FETCH_READ_END);
	ck_assert_uint_eq(fetch_client_running(client), 0);
}
END_TEST

START_TEST(a_large_response)
{
	start("GET", "/large", FETCH_BODY_NONE);
	run();
	ck_assert_uint_eq(seen.read, LARGE);
	ck_assert_int_eq(seen.end, FETCH_READ_END);
}
END_TEST

START_TEST(nobody_reads)
{
	uint64_t id = start("GET", "/large", FETCH_BODY_NONE);

	seen.do_not_read = true;
	run(); /* ends: nobody waits */
	ck_assert_uint_eq(fetch_client_running(client), 1);
	seen.do_not_read = false;
	read_all(id);
	ck_assert_int_eq(seen.end, FETCH_READ_WAIT);
	ck_assert_uint_lt(seen.read, LARGE);
	run();
	ck_assert_uint_eq(seen.read, LARGE);
}
END_TEST

START_TEST(cut_short)
{
	start("GET", "/cut", FETCH_BODY_NONE);
	run();
	ck_assert_uint_eq(seen.heads, 1);
	ck_assert_uint_eq(seen.read, 3);
	ck_assert_int_eq(seen.end, FETCH_READ_FAILED);
	ck_assert_ptr_nonnull(strstr(seen.message, "closed the connection"));
}
END_TEST

START_TEST(no_response)
{
	start("GET", "/none", FETCH_BODY_NONE);
	run();
	ck_assert_uint_eq(seen.failures, 1);
	ck_assert_str_eq(seen.code, "ECONNRESET");
	ck_assert_uint_eq(fetch_client_running(client), 0);
}
END_TEST

START_TEST(nobody_listens)
{
	snprintf(origin, sizeof(origin), "http://127.0.0.1:1");
	start("GET", "/", FETCH_BODY_NONE);
	run();
	ck_assert_str_eq(seen.code, "ECONNREFUSED");
	ck_assert_str_eq(
		seen.message, "could not connect to '127.0.0.1' port 1: Connection refused");
}
END_TEST

START_TEST(cancelled)
{
	seen.cancel_at_head = true;
	start("GET", "/large", FETCH_BODY_NONE);
	run();
	ck_assert_uint_eq(seen.heads, 1);
	fetch_cancel(client, start("GET", "/never", FETCH_BODY_NONE));
	run();
	ck_assert_uint_eq(seen.heads, 1);
	ck_assert_uint_eq(seen.failures, 0);
	ck_assert_uint_eq(fetch_client_running(client), 0);
}
END_TEST

START_TEST(destroyed_while_it_runs)
{
	start("GET", "/never", FETCH_BODY_NONE);
	start("GET", "/large", FETCH_BODY_NONE);
	seen.do_not_read = true;
	for (int i = 0; i < 3; i++)
		start("POST", "/", FETCH_BODY_STREAM);
}
END_TEST

START_TEST(a_streamed_request)
{
	static char block[200000];
	uint64_t id = start("POST", "/", FETCH_BODY_STREAM);

	ck_assert_int_eq(fetch_write(client, id, block, sizeof(block)), sizeof(block));
	ck_assert_int_eq(fetch_write(client, id, block, sizeof(block)), 2 * sizeof(block));
	fetch_end(client, id);
	ck_assert_int_eq(fetch_write(client, id, block, 1), -1);
	run();
	ck_assert_int_eq(seen.status, 201);
	ck_assert_uint_eq(seen.read, 2);
	ck_assert_uint_eq(seen.writables, 1);
	ck_assert_int_eq(fetch_write(client, id, block, 1), -1);
}
END_TEST

START_TEST(headers_cannot_be_split)
{
	const char *strings[] = {"A", "b\r\nC: d"};
	size_t lens[] = {1, 7};
	struct err err = ERR_INIT;
	struct fetch_request r = {
		.method = "GET", .url = origin, .strings = strings, .lens = lens, .n_strings = 2};
	uint64_t id;

	ck_assert_int_eq(fetch_start(client, &r, &id, &err), -EINVAL);
	ck_assert_uint_eq(fetch_client_running(client), 0);
}
END_TEST

START_TEST(other_protocols)
{
	struct err err = ERR_INIT;
	struct fetch_request r = {.method = "GET", .url = "file:///etc/passwd"};
	uint64_t id;

	if (fetch_start(client, &r, &id, &err) == 0)
		run();
	ck_assert_uint_eq(seen.heads, 0);
	r.url = "ftp://127.0.0.1/";
	ck_assert_int_eq(fetch_start(client, &r, &id, &err), 0);
	run();
	ck_assert_uint_eq(seen.failures, 1);
	ck_assert_uint_eq(seen.heads, 0);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {a_response, a_large_response, nobody_reads, cut_short,
		no_response, nobody_listens, cancelled, destroyed_while_it_runs, a_streamed_request,
		headers_cannot_be_split, other_protocols};
	Suite *suite = suite_create("fetch_client");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		tcase_add_test(tc, cases[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
