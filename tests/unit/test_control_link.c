/* SPDX-License-Identifier: Apache-2.0 */
/* What the planes say to each other: whole, in order, and nothing else. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/link.h"
#include "tests/unit/unit.h"

static uv_loop_t loop;
static struct link *link_;
static char heard[65536];
static unsigned ends;
static int other;

static void on_message(void *arg, const struct link_message *m)
{
	const size_t n = strlen(heard);

	ck_assert_ptr_eq(arg, &loop);
	snprintf(heard + n, sizeof(heard) - n, "%s(%s,%s,%s,%s)", m->kind,
		m->worker ? m->worker : "-", m->function ? m->function : "-",
		m->socket ? m->socket : "-", m->file ? m->file : "-");
}

static void on_end(void *arg UNUSED)
{
	ends++;
}

static void begin(void)
{
	int fds[2];

	uv_loop_init(&loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	other = fds[1];
	link_ = link_open(&loop, fds[0], on_message, on_end, &loop);
	ck_assert_ptr_nonnull(link_);
}

static void say(const char *text)
{
	ck_assert_int_eq(fd_write_all(other, text, strlen(text)), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void finish(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(other);
}

START_TEST(messages_come_whole)
{
	begin();
	say("{\"kind\": \"start\", \"worker\": \"w.1\", \"func");
	ck_assert_str_eq(heard, "");
	say("tion\": \"f\"}\n{\"kind\":\"drain\"}\n{\"kind\":");
	ck_assert_str_eq(heard, "start(w.1,f,-,-)drain(-,-,-,-)");
	say("\"apply\",\"file\":\"/x\"}\n");
	ck_assert_str_eq(heard, "start(w.1,f,-,-)drain(-,-,-,-)apply(-,-,-,/x)");
	ck_assert_uint_eq(ends, 0);
	close(other);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(ends, 1);
	finish();
}
END_TEST

START_TEST(what_is_sent_is_one_line)
{
	char text[256];
	ssize_t n;

	begin();
	link_send(
		link_, &(struct link_message){.kind = "ready", .worker = "w\n\"1", .socket = "/s"});
	uv_run(&loop, UV_RUN_NOWAIT);
	n = read(other, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "{\"kind\":\"ready\",\"worker\":\"w\\n\\\"1\",\"socket\":\"/s\"}\n");
	link_close(link_);
	finish();
	ck_assert_uint_eq(ends, 0);
}
END_TEST

START_TEST(nonsense_ends_it)
{
	static const char *const texts[] = {"x\n", "[]\n", "{}\n", "{\"kind\": 5}\n",
		"{\"kind\": \"ready\", \"worker\": {}}\n", "\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ends = 0;
		begin();
		say(texts[i]);
		ck_assert_uint_eq(ends, 1);
		finish();
	}
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(a_line_without_end_ends_it)
{
	char text[4097];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin();
	for (size_t sent = 0; ends == 0; sent += sizeof(text) - 1) {
		ck_assert_uint_le(sent, 2 * LINK_LINE_MAX);
		say(text);
	}
	finish();
}
END_TEST

UNIT_MAIN("control_link", messages_come_whole, what_is_sent_is_one_line, nonsense_ends_it,
	a_line_without_end_ends_it)
