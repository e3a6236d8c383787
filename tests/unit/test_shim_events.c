/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as containerd sees them. The test is containerd: it accepts, reads what came and
 * answers it between two turns of the loop.
 */
#include "shim/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "runtime/base/arena.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "tests/unit/shim_rig.h"

enum { REQUEST = 1, RESPONSE = 2 };

static struct arena arena;
static struct sockaddr_un address;
static socklen_t address_len;
static int listening = -1, conn = -1;
static uint32_t stream; /* of the request that was read last */
static char path[64];
static char uri[80];

static void listen_again(void)
{
	unlink(path);
	listening = rig_listen(path, &address, &address_len);
}

static void start(void)
{
	snprintf(path, sizeof(path), "/tmp/turf-events-%d", (int)getpid());
	snprintf(uri, sizeof(uri), "unix://%s", path);
	listen_again();
	events_start(uri, "the-namespace");
}

static void accept_shim(void)
{
	LOOP_UNTIL(rig_readable(listening));
	conn = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(conn, 0);
	rig_deadline(conn);
}

static void hang_up(void)
{
	close(conn);
	conn = -1;
}

static void finish(void)
{
	if (conn >= 0)
		hang_up();
	close(listening);
	unlink(path);
	rig_settle();
	arena_finish(&arena);
}

static void publish_start(unsigned pid)
{
	Pb__TaskStart event = PB__TASK_START__INIT;

	event.container_id = "c1";
	event.pid = pid;
	events_publish("/tasks/start", "containerd.events.TaskStart", &event.base);
}

/* The next call, whatever it is. */
static const Pb__Request *read_call(void)
{
	const Pb__Request *r;
	struct rig_frame f;

	LOOP_UNTIL(rig_readable(conn));
	ck_assert(rig_read_frame(conn, &f));
	ck_assert_int_eq(f.type, REQUEST);
	ck_assert_int_eq(f.flags, 0);
	ck_assert_uint_eq(f.stream % 2, 1);
	stream = f.stream;
	r = message_read(&pb__request__descriptor, f.message.data, f.message.len, &arena);
	ck_assert_ptr_nonnull(r);
	buf_finish(&f.message);
	return r;
}

static const Pb__Envelope *read_envelope(void)
{
	const Pb__Request *r = read_call();
	const Pb__ForwardRequest *forward;

	ck_assert_str_eq(r->service, "containerd.services.events.ttrpc.v1.Events");
	ck_assert_str_eq(r->method, "Forward");
	forward = message_read(
		&pb__forward_request__descriptor, r->payload.data, r->payload.len, &arena);
	ck_assert_ptr_nonnull(forward);
	ck_assert_ptr_nonnull(forward->envelope);
	ck_assert_ptr_nonnull(forward->envelope->event);
	return forward->envelope;
}

static void expect_start(unsigned pid)
{
	const Pb__Envelope *e = read_envelope();
	const Pb__TaskStart *event;

	ck_assert_str_eq(e->topic, "/tasks/start");
	event = message_read(
		&pb__task_start__descriptor, e->event->value.data, e->event->value.len, &arena);
	ck_assert_ptr_nonnull(event);
	ck_assert_uint_eq(event->pid, pid);
}

static void put_answer(struct buf *out, uint32_t to, int code)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	Pb__Response response = PB__RESPONSE__INIT;
	Pb__Status status = PB__STATUS__INIT;

	status.code = code;
	status.message = "no";
	if (code)
		response.status = &status;
	message_write(&response.base, &message);
	rig_put_frame(out, to, RESPONSE, 0, message.data, message.len);
}

static void send_bytes(const struct buf *b)
{
	ck_assert_int_eq(send(conn, b->data, b->len, MSG_NOSIGNAL), b->len);
}

static void answer(int code)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	put_answer(&out, stream, code);
	send_bytes(&out);
}

static void expect_silence(void)
{
	rig_settle();
	ck_assert(!rig_readable(conn));
}

START_TEST(an_event_tells_topic_namespace_type_and_time)
{
	Pb__TaskExit event = PB__TASK_EXIT__INIT;
	const Pb__TaskExit *got;
	const Pb__Envelope *e;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;
	time_t before = time(NULL);

	start();
	at.seconds = 1764268706;
	at.nanos = 5;
	event.container_id = "c1";
	event.id = "exec";
	event.pid = 42;
	event.exit_status = 137;
	event.exited_at = &at;
	events_publish("/tasks/exit", "containerd.events.TaskExit", &event.base);
	accept_shim();
	e = read_envelope();
	ck_assert_str_eq(e->topic, "/tasks/exit");
	ck_assert_str_eq(e->namespace_, "the-namespace");
	ck_assert_int_ge(e->time->seconds, before);
	ck_assert_int_le(e->time->seconds, time(NULL));
	ck_assert_str_eq(e->event->type_url, "containerd.events.TaskExit");
	got = message_read(
		&pb__task_exit__descriptor, e->event->value.data, e->event->value.len, &arena);
	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got->container_id, "c1");
	ck_assert_str_eq(got->id, "exec");
	ck_assert_uint_eq(got->pid, 42);
	ck_assert_uint_eq(got->exit_status, 137);
	ck_assert_int_eq(got->exited_at->seconds, 1764268706);
	ck_assert_int_eq(got->exited_at->nanos, 5);
	answer(0);
	finish();
}
END_TEST

START_TEST(the_next_event_waits_for_the_answer)
{
	start();
	for (unsigned i = 1; i <= 5; i++)
		publish_start(i);
	accept_shim();
	for (unsigned i = 1; i <= 5; i++) {
		expect_start(i);
		ck_assert_uint_eq(stream, 2 * i - 1);
		expect_silence();
		answer(0);
	}
	expect_silence();
	/* The connection is used again. */
	publish_start(6);
	expect_start(6);
	answer(0);
	finish();
}
END_TEST

START_TEST(a_containerd_that_is_away_is_tried_again)
{
	start();
	close(listening);
	unlink(path);
	publish_start(1);
	publish_start(2);
	rig_settle();
	listen_again();
	accept_shim();
	expect_start(1);
	answer(0);
	expect_start(2);
	answer(0);
	finish();
}
END_TEST

START_TEST(what_was_not_answered_is_sent_again)
{
	start();
	publish_start(1);
	publish_start(2);
	accept_shim();
	expect_start(1);
	hang_up();
	accept_shim();
	expect_start(1);
	answer(0);
	expect_start(2);
	/* Half an answer is none. */
	ck_assert_int_eq(send(conn, "\0\0\0\0\0", 5, MSG_NOSIGNAL), 5);
	rig_settle();
	hang_up();
	close(listening);
	rig_settle();
	listen_again();
	accept_shim();
	expect_start(2);
	answer(0);
	finish();
}
END_TEST

START_TEST(what_is_refused_is_dropped)
{
	start();
	publish_start(1);
	publish_start(2);
	accept_shim();
	expect_start(1);
	answer(3);
	expect_start(2);
	answer(0);
	expect_silence();
	finish();
}
END_TEST

START_TEST(only_the_answer_to_what_was_sent_counts)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	start();
	publish_start(1);
	publish_start(2);
	accept_shim();
	expect_start(1);
	put_answer(&out, stream + 2, 0);
	put_answer(&out, stream + 1, 0);
	rig_put_frame(&out, stream, REQUEST, 0, "", 0);
	rig_put_frame(&out, stream, 77, 0, "x", 1);
	send_bytes(&out);
	expect_silence();
	answer(0);
	expect_start(2);
	answer(0);
	/* Twice the same: the second is nobody's. */
	answer(0);
	publish_start(3);
	expect_start(3);
	answer(0);
	finish();
}
END_TEST

START_TEST(answers_ahead_of_their_events_do_no_harm)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	unsigned seen = 0;

	start();
	for (unsigned i = 1; i <= 20; i++)
		publish_start(i);
	accept_shim();
	expect_start(1);
	for (uint32_t i = 1; i < 20; i += 2)
		put_answer(&out, i, 0);
	send_bytes(&out);
	/* Whichever of them were taken for answers, none is lost without its having been sent. */
	while (seen < 20) {
		const Pb__Envelope *e = read_envelope();
		const Pb__TaskStart *event = message_read(&pb__task_start__descriptor,
			e->event->value.data, e->event->value.len, &arena);

		ck_assert_ptr_nonnull(event);
		ck_assert_uint_eq(event->pid, seen ? seen + 1 : 2);
		seen = event->pid;
		answer(0);
	}
	expect_silence();
	finish();
}
END_TEST

START_TEST(what_is_no_answer_ends_the_connection)
{
	start();
	publish_start(1);
	accept_shim();
	expect_start(1);
	{
		_cleanup_buf_ struct buf out = BUF_INIT;

		rig_put_frame(&out, stream, RESPONSE, 0, "\xff\xff", 2);
		send_bytes(&out);
	}
	LOOP_UNTIL(rig_readable(listening));
	hang_up();
	accept_shim();
	expect_start(1);
	answer(0);
	finish();
}
END_TEST

static void on_flushed(void *arg)
{
	++*(int *)arg;
}

START_TEST(nobody_is_told_without_an_address)
{
	int flushed = 0;

	events_start("", "ns");
	publish_start(1);
	rig_settle();
	events_flush(60000, on_flushed, &flushed);
	ck_assert_int_eq(flushed, 1);
}
END_TEST

START_TEST(flushing_waits_for_the_last_answer)
{
	int flushed = 0;

	start();
	events_flush(60000, on_flushed, &flushed);
	ck_assert_int_eq(flushed, 1);
	publish_start(1);
	publish_start(2);
	events_flush(60000, on_flushed, &flushed);
	accept_shim();
	expect_start(1);
	answer(0);
	expect_start(2);
	ck_assert_int_eq(flushed, 1);
	answer(0);
	LOOP_UNTIL(flushed == 2);
	publish_start(3);
	expect_start(3);
	answer(0);
	rig_settle();
	ck_assert_int_eq(flushed, 2);
	finish();
}
END_TEST

START_TEST(flushing_has_an_end)
{
	int flushed = 0;

	start();
	publish_start(1);
	accept_shim();
	expect_start(1);
	events_flush(10, on_flushed, &flushed);
	LOOP_UNTIL(flushed == 1);
	answer(0);
	rig_settle();
	ck_assert_int_eq(flushed, 1);
	finish();
}
END_TEST

START_TEST(the_oldest_events_are_lost_when_there_are_too_many)
{
	start();
	close(listening);
	unlink(path);
	for (unsigned i = 1; i <= EVENTS_MAX + 3; i++)
		publish_start(i);
	listen_again();
	accept_shim();
	for (unsigned i = 4; i <= EVENTS_MAX + 3; i++) {
		expect_start(i);
		answer(0);
	}
	expect_silence();
	finish();
}
END_TEST

START_TEST(one_that_is_on_its_way_may_be_the_oldest)
{
	_cleanup_buf_ struct buf late = BUF_INIT;

	start();
	publish_start(1);
	accept_shim();
	expect_start(1);
	for (unsigned i = 2; i <= EVENTS_MAX + 1; i++)
		publish_start(i);
	/* Its answer, if it still gets through, is not taken for that of the next. */
	put_answer(&late, stream, 0);
	(void)send(conn, late.data, late.len, MSG_NOSIGNAL);
	LOOP_UNTIL(rig_readable(listening));
	hang_up();
	accept_shim();
	expect_start(2);
	answer(0);
	expect_start(3);
	finish();
}
END_TEST

UNIT_MAIN("shim events", an_event_tells_topic_namespace_type_and_time,
	the_next_event_waits_for_the_answer, a_containerd_that_is_away_is_tried_again,
	what_was_not_answered_is_sent_again, what_is_refused_is_dropped,
	only_the_answer_to_what_was_sent_counts, answers_ahead_of_their_events_do_no_harm,
	what_is_no_answer_ends_the_connection, nobody_is_told_without_an_address,
	flushing_waits_for_the_last_answer, flushing_has_an_end,
	the_oldest_events_are_lost_when_there_are_too_many,
	one_that_is_on_its_way_may_be_the_oldest)
