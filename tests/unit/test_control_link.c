/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of noslated say to each other: whole, in order, and nothing else. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "seed/noslated/link.h"
#include "tests/unit/unit.h"

static uv_loop_t loop;
static struct link *link_;
static char heard[65536];
static unsigned ends, messages;
static int other, taken = -1;

static void on_message(void *arg, const struct link_message *m, int *fd)
{
	const size_t n = strlen(heard);

	ck_assert_ptr_eq(arg, &loop);
	snprintf(heard + n, sizeof(heard) - n, "%s(%s,%s,%s)", m->kind, m->worker ? m->worker : "-",
		m->function ? m->function : "-", m->socket ? m->socket : "-");
	messages++;
	if (streq(m->kind, "take"))
		taken = take_fd(fd);
}

static void on_end(void *arg UNUSED)
{
	ends++;
}

static void begin(void)
{
	struct err err = ERR_INIT;
	int fds[2];

	*heard = '\0';
	uv_loop_init(&loop);
	ck_assert_int_eq(link_pair(fds, &err), 0);
	other = fds[1];
	link_ = link_open(&loop, fds[0], on_message, on_end, &loop);
	ck_assert_ptr_nonnull(link_);
}

static void say(const char *text)
{
	ck_assert_int_eq(send(other, text, strlen(text), 0), (ssize_t)strlen(text));
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void finish(void)
{
	link_close(link_);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(other);
}

START_TEST(a_packet_is_a_message)
{
	begin();
	say("{\"kind\": \"start\", \"worker\": \"w.1\", \"function\": \"f\"}");
	say("{\"kind\":\"drain\", \"of another version\": []}");
	ck_assert_str_eq(heard, "start(w.1,f,-)drain(-,-,-)");
	ck_assert_uint_eq(ends, 0);
	close(other);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(ends, 1);
	other = -1;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(what_is_sent_is_one_packet)
{
	char text[256];
	ssize_t n;

	begin();
	link_send(link_,
		&(struct link_message){.kind = "ready", .worker = "w\n\"1", .socket = "/s"}, -1);
	n = read(other, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "{\"kind\":\"ready\",\"worker\":\"w\\n\\\"1\",\"socket\":\"/s\"}");
	finish();
	ck_assert_uint_eq(ends, 0);
}
END_TEST

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(descriptors_come_along)
{
	struct link_message m = {0};
	struct json_doc *doc = NULL;
	struct err err = ERR_INIT;
	struct stat a, b;
	int fds[2], got = -1;

	begin();
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(
		link_answer(other, &(struct link_message){.kind = "take"}, fds[0], &err), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_ge(taken, 0);
	ck_assert_int_eq(fstat(fds[0], &a), 0);
	ck_assert_int_eq(fstat(taken, &b), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_int_eq(fcntl(taken, F_GETFD), FD_CLOEXEC);
	/* One that nobody takes is closed. */
	ck_assert_int_eq(
		link_answer(other, &(struct link_message){.kind = "leave"}, fds[0], &err), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert(!is_open(taken + 1));
	link_send(link_, &(struct link_message){.kind = "have"}, fds[1]);
	ck_assert_int_eq(link_receive(other, &doc, &m, &got, &err), 0);
	ck_assert_str_eq(m.kind, "have");
	ck_assert_int_ge(got, 0);
	json_free(doc);
	close(got);
	close(taken);
	close(fds[0]);
	close(fds[1]);
	finish();
}
END_TEST

/* More than a socket holds waits, and loses neither order nor descriptors. */
START_TEST(who_does_not_read_loses_nothing)
{
	enum { MANY = 5000 };
	struct err err = ERR_INIT;
	char name[32];

	begin();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "w-%d", i);
		link_send(link_, &(struct link_message){.kind = "have", .worker = name},
			i % 7 ? -1 : STDIN_FILENO);
	}
	for (int i = 0; i < MANY; i++) {
		struct link_message m = {0};
		struct json_doc *doc = NULL;
		int fd = -1;

		uv_run(&loop, UV_RUN_NOWAIT);
		ck_assert_msg(link_receive(other, &doc, &m, &fd, &err) == 0, "%s", err.msg);
		snprintf(name, sizeof(name), "w-%d", i);
		ck_assert_str_eq(m.worker, name);
		ck_assert_int_eq(fd >= 0, i % 7 == 0);
		fd_close(&fd);
		json_free(doc);
	}
	finish();
}
END_TEST

/* As when the control plane dies: what was said is read by who has the socket next. */
START_TEST(what_nobody_read_waits)
{
	struct link *next;
	int kept;

	begin();
	kept = dup(other);
	link_send(
		link_, &(struct link_message){.kind = "start", .worker = "w", .function = "f"}, -1);
	close(other);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(ends, 0);
	next = link_open(&loop, kept, on_message, on_end, &loop);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_str_eq(heard, "start(w,f,-)");
	link_close(next);
	other = -1;
	finish();
}
END_TEST

START_TEST(nonsense_ends_it)
{
	static const char *const texts[] = {"x", "[]", "{}", "{\"kind\": 5}",
		"{\"kind\": \"ready\", \"worker\": {}}", "\n", "{\"kind\":\"a\"}{\"kind\":\"b\"}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ends = 0;
		begin();
		say(texts[i]);
		ck_assert_uint_eq(ends, 1);
		link_ = NULL;
		finish();
	}
	ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(a_packet_that_is_too_large_ends_it)
{
	char text[LINK_PACKET_MAX + 1];

	memset(text, ' ', sizeof(text));
	begin();
	ck_assert_int_eq(send(other, text, sizeof(text), 0), sizeof(text));
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(ends, 1);
	link_ = NULL;
	finish();
}
END_TEST

UNIT_MAIN("control_link", a_packet_is_a_message, what_is_sent_is_one_packet, descriptors_come_along,
	who_does_not_read_loses_nothing, what_nobody_read_waits, nonsense_ends_it,
	a_packet_that_is_too_large_ends_it)
