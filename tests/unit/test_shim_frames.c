/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of ttrpc, and the messages in them: what comes in pieces, what is too much. */
#include "shim/ttrpc_frame.h"

#include <errno.h>

#include "runtime/base/arena.h"
#include "shim/message.h"
#include "shim/proto/task.pb-c.h"
#include "tests/unit/unit.h"

#define SEEN_MAX 16

static struct {
	struct ttrpc_header header[SEEN_MAX];
	char message[SEEN_MAX][64]; /* "-" for none */
	size_t n, enough;
} seen;

static bool on_frame(void *arg, const struct ttrpc_header *h, const void *message)
{
	ck_assert_ptr_eq(arg, &seen);
	ck_assert_uint_lt(seen.n, SEEN_MAX);
	seen.header[seen.n] = *h;
	if (!message)
		strcpy(seen.message[seen.n], "-");
	else if (h->length < sizeof(seen.message[0]))
		memcpy(seen.message[seen.n], message, h->length);
	return ++seen.n != seen.enough;
}

static int feed(struct ttrpc_parser *p, const void *data, size_t len)
{
	return ttrpc_parser_feed(p, data, len, on_frame, &seen);
}

START_TEST(a_frame_is_ten_bytes_and_its_message)
{
	static const char bytes[] = "\0\0\0\5\1\2\3\4\2\0hello";
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ttrpc_parser p = {0};

	ttrpc_put_frame(&out, 0x01020304, TTRPC_RESPONSE, "hello", 5);
	ck_assert_uint_eq(out.len, sizeof(bytes) - 1);
	ck_assert_mem_eq(out.data, bytes, out.len);
	ck_assert_int_eq(feed(&p, bytes, sizeof(bytes) - 1), 0);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.header[0].length, 5);
	ck_assert_uint_eq(seen.header[0].stream, 0x01020304);
	ck_assert_uint_eq(seen.header[0].type, TTRPC_RESPONSE);
	ck_assert_str_eq(seen.message[0], "hello");
	ck_assert_uint_eq(p.in.len, 0);
	ttrpc_parser_finish(&p);
}
END_TEST

START_TEST(bytes_may_come_one_by_one)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ttrpc_parser p = {0};

	ttrpc_put_frame(&out, 1, TTRPC_REQUEST, "first", 5);
	ttrpc_put_frame(&out, 3, TTRPC_REQUEST, "", 0);
	ttrpc_put_frame(&out, 5, TTRPC_REQUEST, "third", 5);
	for (size_t i = 0; i < out.len; i++)
		ck_assert_int_eq(feed(&p, out.data + i, 1), 0);
	ck_assert_uint_eq(seen.n, 3);
	ck_assert_str_eq(seen.message[0], "first");
	ck_assert_str_eq(seen.message[1], "");
	ck_assert_uint_eq(seen.header[2].stream, 5);
	ck_assert_str_eq(seen.message[2], "third");
	ck_assert_uint_eq(p.in.len, 0);
	ttrpc_parser_finish(&p);
}
END_TEST

START_TEST(several_frames_may_come_at_once)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ttrpc_parser p = {0};

	for (uint32_t i = 0; i < 5; i++)
		ttrpc_put_frame(&out, 2 * i + 1, TTRPC_REQUEST, "abc", 3);
	ck_assert_int_eq(feed(&p, out.data, out.len - 1), 0);
	ck_assert_uint_eq(seen.n, 4);
	ck_assert_int_eq(feed(&p, out.data + out.len - 1, 1), 0);
	ck_assert_uint_eq(seen.n, 5);
	ck_assert_uint_eq(seen.header[4].stream, 9);
	ttrpc_parser_finish(&p);
}
END_TEST

START_TEST(a_message_that_is_too_long_is_passed_over)
{
	static const char junk[65536];
	size_t left = TTRPC_MESSAGE_MAX + 1;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ttrpc_parser p = {0};

	ttrpc_put_frame(&out, 7, TTRPC_REQUEST, "", 0);
	memcpy(out.data, "\0\100\0\1", 4);
	ck_assert_int_eq(feed(&p, out.data, out.len), 0);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.header[0].length, TTRPC_MESSAGE_MAX + 1);
	ck_assert_str_eq(seen.message[0], "-");
	while (left > 0) {
		size_t n = left < sizeof(junk) ? left : sizeof(junk);

		ck_assert_int_eq(feed(&p, junk, n), 0);
		left -= n;
	}
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_le(p.in.cap, 4096);
	buf_finish(&out);
	ttrpc_put_frame(&out, 9, TTRPC_REQUEST, "next", 4);
	ck_assert_int_eq(feed(&p, out.data, out.len), 0);
	ck_assert_str_eq(seen.message[1], "next");
	ttrpc_parser_finish(&p);
}
END_TEST

START_TEST(the_longest_message_is_taken)
{
	_cleanup_buf_ struct buf message = BUF_INIT, out = BUF_INIT;
	struct ttrpc_parser p = {0};

	ck_assert_ptr_nonnull(buf_extend(&message, TTRPC_MESSAGE_MAX));
	ttrpc_put_frame(&out, 1, TTRPC_REQUEST, message.data, message.len);
	ck_assert_int_eq(feed(&p, out.data, 100), 0);
	ck_assert_int_eq(feed(&p, out.data + 100, out.len - 100), 0);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.header[0].length, TTRPC_MESSAGE_MAX);
	ck_assert_str_eq(seen.message[0], "");
	/* Its memory is given back. */
	ck_assert_uint_eq(p.in.cap, 0);
}
END_TEST

START_TEST(who_has_enough_sees_no_more)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ttrpc_parser p = {0};

	for (uint32_t i = 0; i < 5; i++)
		ttrpc_put_frame(&out, 2 * i + 1, TTRPC_REQUEST, "abc", 3);
	seen.enough = 2;
	ck_assert_int_eq(feed(&p, out.data, out.len), -ECANCELED);
	ck_assert_uint_eq(seen.n, 2);
	ttrpc_parser_finish(&p);
}
END_TEST

START_TEST(empty_messages_have_a_bound)
{
	/* Two bytes each on the wire, and many more when they are read. */
	size_t n = TTRPC_MESSAGE_MAX / 2;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const Pb__PidsResponse *few;
	char *at = buf_extend(&bytes, 2 * n);

	ck_assert_ptr_nonnull(at);
	for (size_t i = 0; i < n; i++)
		at[2 * i] = 012;
	ck_assert_ptr_null(
		message_read(&pb__pids_response__descriptor, bytes.data, bytes.len, &arena));
	few = message_read(&pb__pids_response__descriptor, bytes.data, 2000, &arena);
	ck_assert_ptr_nonnull(few);
	ck_assert_uint_eq(few->n_processes, 1000);
	/* The same with fields that nobody knows. */
	ck_assert_ptr_null(message_read(&pb__empty__descriptor, bytes.data, bytes.len, &arena));
}
END_TEST

START_TEST(what_is_read_has_no_null_strings)
{
	static const char response[] =
		"\x08\x97\xd0\x01\x10\x89\x01\x1a\x0c\x08\xa2\xb5\xa2\xc9\x06"
		"\x10\xd5\xc4\xb6\xf1\x01";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const Pb__CreateRequest *empty =
		message_read(&pb__create_request__descriptor, "", 0, &arena);
	const Pb__DeleteResponse *deleted = message_read(
		&pb__delete_response__descriptor, response, sizeof(response) - 1, &arena);

	ck_assert_ptr_nonnull(empty);
	ck_assert_str_eq(empty->id, "");
	ck_assert_str_eq(empty->checkpoint, "");
	ck_assert_ptr_null(empty->options);
	ck_assert_ptr_nonnull(deleted);
	ck_assert_uint_eq(deleted->pid, 26647);
	ck_assert_uint_eq(deleted->exit_status, 137);
	ck_assert_int_eq(deleted->exited_at->seconds, 1764268706);
	ck_assert_int_eq(deleted->exited_at->nanos, 506307157);
}
END_TEST

START_TEST(an_any_is_known_by_its_last_part)
{
	Pb__Any any = PB__ANY__INIT;

	ck_assert(!message_any_is(NULL, "a.B"));
	ck_assert(!message_any_is(&any, "a.B"));
	any.type_url = "a.B";
	ck_assert(message_any_is(&any, "a.B"));
	any.type_url = "types.googleapis.com/a.B";
	ck_assert(message_any_is(&any, "a.B"));
	any.type_url = "types.googleapis.com/xa.B";
	ck_assert(!message_any_is(&any, "a.B"));
}
END_TEST

UNIT_MAIN("shim frames", a_frame_is_ten_bytes_and_its_message, bytes_may_come_one_by_one,
	several_frames_may_come_at_once, a_message_that_is_too_long_is_passed_over,
	the_longest_message_is_taken, who_has_enough_sees_no_more, empty_messages_have_a_bound,
	what_is_read_has_no_null_strings, an_any_is_known_by_its_last_part)
