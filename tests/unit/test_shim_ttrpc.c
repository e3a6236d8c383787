/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of ttrpc as its peers see it: it runs in a process of its own with methods of
 * the test, and gets bytes that are made by hand. At the end of each case it is asked to
 * end, and must.
 */
#include "shim/ttrpc_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "runtime/base/arena.h"
#include "shim/message.h"
#include "tests/unit/shim_rig.h"

#define MIB	 (1u << 20)
#define HELD_MAX 4096

enum { FLAG_REMOTE_CLOSED = 1, FLAG_REMOTE_OPEN = 2 };
enum { REQUEST = 1, RESPONSE = 2, DATA = 3 };

/* --- the server --- */

static struct ttrpc_call *held[HELD_MAX];
static size_t n_held;

static void run_echo(struct ttrpc_call *call, const void *request)
{
	ttrpc_reply(call, request);
}

struct later {
	struct ttrpc_call *call;
	struct timer *timer;
};

static void on_later(void *arg)
{
	struct later *l = arg;
	Pb__Empty empty = PB__EMPTY__INIT;

	timer_drop(&l->timer);
	ttrpc_reply(l->call, &empty.base);
	free(l);
}

/* Answers after as many milliseconds as the request has seconds. */
static void run_later(struct ttrpc_call *call, const void *request)
{
	const Pb__Timestamp *t = request;
	struct later *l = calloc(1, sizeof(*l));

	l->call = call;
	l->timer = timer_start((uint64_t)t->seconds, on_later, l);
}

static void run_never(struct ttrpc_call *call, const void *request)
{
	held[n_held++] = call;
}

/* Answers all that never were, also those whose peer has gone. */
static void run_release(struct ttrpc_call *call, const void *request)
{
	Pb__Empty empty = PB__EMPTY__INIT;

	for (size_t i = 0; i < n_held; i++)
		ttrpc_fail(held[i], TTRPC_UNAVAILABLE, "released %zu", i);
	n_held = 0;
	ttrpc_reply(call, &empty.base);
}

/* An answer of as many bytes as the request has seconds. */
static void run_big(struct ttrpc_call *call, const void *request)
{
	const Pb__Timestamp *t = request;
	Pb__Any any = PB__ANY__INIT;

	any.value.len = (size_t)t->seconds;
	any.value.data = calloc(1, any.value.len);
	ttrpc_reply(call, &any.base);
	free(any.value.data);
}

static void run_quit(struct ttrpc_call *call, const void *request)
{
	Pb__Empty empty = PB__EMPTY__INIT;

	ttrpc_reply(call, &empty.base);
	ttrpc_server_stop();
	uv_stop(uv_default_loop());
}

static const struct ttrpc_method methods[] = {
	{"Echo", &pb__any__descriptor, run_echo},
	{"Later", &pb__timestamp__descriptor, run_later},
	{"Never", &pb__empty__descriptor, run_never},
	{"Release", &pb__empty__descriptor, run_release},
	{"Big", &pb__timestamp__descriptor, run_big},
	{"Quit", &pb__empty__descriptor, run_quit},
};
static const struct ttrpc_method other_methods[] = {{"Other", &pb__empty__descriptor, run_echo}};
static const struct ttrpc_service services[] = {
	{"test.Service", methods, ARRAY_SIZE(methods)},
	{"other.Service", other_methods, ARRAY_SIZE(other_methods)},
};

static void on_connections(size_t n)
{
}

static struct sockaddr_un address;
static socklen_t address_len;
static pid_t server_pid;
static struct arena arena;

static void start_server(void)
{
	int fd = rig_listen(NULL, &address, &address_len);
	struct err err = ERR_INIT;

	server_pid = fork();
	ck_assert_int_ge(server_pid, 0);
	if (server_pid > 0) {
		close(fd);
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	if (ttrpc_server_start(fd, services, ARRAY_SIZE(services), on_connections, &err) < 0)
		_exit(1);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	exit(EXIT_SUCCESS);
}

/* --- a client --- */

struct answer {
	uint32_t stream;
	int code; /* 0: there is a payload */
	const char *sentence;
	ProtobufCBinaryData payload;
};

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, address_len), 0);
	rig_deadline(fd);
	return fd;
}

struct call {
	uint32_t stream;
	const char *service; /* NULL: ours */
	const char *method;
	const void *payload;
	size_t len;
	int64_t timeout_ns;
	int flags;
};

static void put_call(struct buf *out, const struct call *c)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	Pb__Request request = PB__REQUEST__INIT;

	request.service = (char *)(c->service ? c->service : "test.Service");
	request.method = (char *)c->method;
	request.timeout_ns = c->timeout_ns;
	request.payload.data = (uint8_t *)c->payload;
	request.payload.len = c->len;
	message_write(&request.base, &message);
	rig_put_frame(out, c->stream, REQUEST, c->flags, message.data, message.len);
}

static bool send_bytes(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = send(fd, b->data + done, b->len - done, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void send_frame(int fd, uint32_t stream, int type, int flags, const void *data, size_t len)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	rig_put_frame(&out, stream, type, flags, data, len);
	ck_assert(send_bytes(fd, &out));
}

#define CALL(fd, ...) send_call(fd, &(struct call){__VA_ARGS__})
static void send_call(int fd, const struct call *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	put_call(&out, c);
	ck_assert(send_bytes(fd, &out));
}

/* A request of Later and Big. */
static void put_number(struct buf *out, uint32_t stream, const char *method, int64_t n)
{
	_cleanup_buf_ struct buf payload = BUF_INIT;
	Pb__Timestamp t = PB__TIMESTAMP__INIT;

	t.seconds = n;
	message_write(&t.base, &payload);
	put_call(out, &(struct call){.stream = stream,
			      .method = method,
			      .payload = payload.data,
			      .len = payload.len});
}

static void send_number(int fd, uint32_t stream, const char *method, int64_t n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	put_number(&out, stream, method, n);
	ck_assert(send_bytes(fd, &out));
}

static struct answer read_answer(int fd)
{
	const Pb__Response *r;
	struct rig_frame f;
	struct answer a;

	ck_assert_msg(rig_read_frame(fd, &f), "no answer: %s", strerror(errno));
	ck_assert_int_eq(f.type, RESPONSE);
	ck_assert_int_eq(f.flags, 0);
	r = message_read(&pb__response__descriptor, f.message.data, f.message.len, &arena);
	ck_assert_ptr_nonnull(r);
	a = (struct answer){f.stream, r->status ? r->status->code : 0,
		r->status ? r->status->message : "", r->payload};
	ck_assert(!r->status || a.code != 0);
	buf_finish(&f.message);
	return a;
}

static void expect(int fd, uint32_t stream, int code)
{
	struct answer a = read_answer(fd);

	ck_assert_msg(a.stream == stream && a.code == code,
		"stream %u: code %d (%s) instead of stream %u: code %d", a.stream, a.code,
		a.sentence, stream, code);
	ck_assert((code == 0) == (a.sentence[0] == '\0'));
}

static void expect_echo(int fd, uint32_t stream)
{
	static const char any[] = "\x0a\x03"
				  "a/b\x12\x02\0\1";
	struct answer a;

	CALL(fd, .stream = stream, .method = "Echo", .payload = any, .len = sizeof(any) - 1);
	a = read_answer(fd);
	ck_assert_uint_eq(a.stream, stream);
	ck_assert_int_eq(a.code, 0);
	ck_assert_uint_eq(a.payload.len, sizeof(any) - 1);
	ck_assert_mem_eq(a.payload.data, any, a.payload.len);
}

/* On a connection of its own, so that it works whatever happened to the others. */
static void stop_server(void)
{
	int fd = client(), status;

	expect_echo(fd, 1);
	CALL(fd, .stream = 3, .method = "Quit");
	expect(fd, 3, 0);
	ck_assert_int_eq(waitpid(server_pid, &status, 0), server_pid);
	ck_assert_int_eq(status, 0);
	close(fd);
	arena_finish(&arena);
}

/* --- cases --- */

START_TEST(a_call_is_answered)
{
	int fd;

	start_server();
	fd = client();
	for (uint32_t stream = 1; stream < 200; stream += 2)
		expect_echo(fd, stream);
	/* Streams may be left out. */
	expect_echo(fd, 0xffffffff);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(answers_come_as_they_are_ready)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int fd;

	start_server();
	fd = client();
	/* At once: whoever is slow, their order is given. */
	put_number(&out, 1, "Later", 50);
	put_number(&out, 3, "Later", 1);
	put_call(&out, &(struct call){.stream = 5, .method = "Echo"});
	ck_assert(send_bytes(fd, &out));
	expect(fd, 5, 0);
	expect(fd, 3, 0);
	expect(fd, 1, 0);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(connections_have_streams_of_their_own)
{
	int a, b;

	start_server();
	a = client();
	b = client();
	CALL(a, .stream = 7, .method = "Never");
	expect_echo(b, 1);
	expect_echo(a, 9);
	expect_echo(b, 7);
	CALL(b, .stream = 9, .method = "Release");
	expect(b, 9, 0);
	expect(a, 7, TTRPC_UNAVAILABLE);
	close(a);
	close(b);
	stop_server();
}
END_TEST

START_TEST(wrong_streams_are_refused_and_the_connection_goes_on)
{
	int fd;

	start_server();
	fd = client();
	CALL(fd, .stream = 2, .method = "Echo");
	expect(fd, 2, TTRPC_INVALID_ARGUMENT);
	CALL(fd, .stream = 0, .method = "Echo");
	expect(fd, 0, TTRPC_INVALID_ARGUMENT);
	expect_echo(fd, 5);
	CALL(fd, .stream = 5, .method = "Echo");
	expect(fd, 5, TTRPC_INVALID_ARGUMENT);
	CALL(fd, .stream = 3, .method = "Echo");
	expect(fd, 3, TTRPC_INVALID_ARGUMENT);
	send_frame(fd, 7, DATA, 0, "abc", 3);
	expect(fd, 7, TTRPC_INVALID_ARGUMENT);
	/* That was no call: its stream can still be one. */
	expect_echo(fd, 7);
	send_frame(fd, 7, DATA, FLAG_REMOTE_CLOSED, "", 0);
	expect(fd, 7, TTRPC_INVALID_ARGUMENT);
	expect_echo(fd, 9);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(a_refused_stream_is_used_up)
{
	int fd;

	start_server();
	fd = client();
	CALL(fd, .stream = 5, .method = "Echo", .flags = FLAG_REMOTE_OPEN);
	expect(fd, 5, TTRPC_INVALID_ARGUMENT);
	CALL(fd, .stream = 5, .method = "Echo");
	expect(fd, 5, TTRPC_INVALID_ARGUMENT);
	CALL(fd, .stream = 7, .method = "None");
	expect(fd, 7, TTRPC_UNIMPLEMENTED);
	CALL(fd, .stream = 7, .method = "Echo");
	expect(fd, 7, TTRPC_INVALID_ARGUMENT);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(flags_say_whether_data_follows)
{
	int fd;

	start_server();
	fd = client();
	CALL(fd, .stream = 1, .method = "Echo", .flags = FLAG_REMOTE_CLOSED);
	expect(fd, 1, 0);
	CALL(fd, .stream = 3, .method = "Echo", .flags = FLAG_REMOTE_OPEN);
	expect(fd, 3, TTRPC_INVALID_ARGUMENT);
	expect_echo(fd, 5);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(frames_of_other_types_are_passed_over)
{
	int fd;

	start_server();
	fd = client();
	send_frame(fd, 1, RESPONSE, 0, "abc", 3);
	send_frame(fd, 3, 0, 0, "", 0);
	send_frame(fd, 5, 200, 7, "abc", 3);
	expect_echo(fd, 1);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(what_is_not_there_is_unimplemented)
{
	struct answer a;
	int fd;

	start_server();
	fd = client();
	CALL(fd, .stream = 1, .service = "no.Service", .method = "Echo");
	a = read_answer(fd);
	ck_assert_int_eq(a.code, TTRPC_UNIMPLEMENTED);
	ck_assert_str_eq(a.sentence, "service no.Service");
	CALL(fd, .stream = 3, .method = "Ech");
	a = read_answer(fd);
	ck_assert_int_eq(a.code, TTRPC_UNIMPLEMENTED);
	ck_assert_str_eq(a.sentence, "method Ech of service test.Service");
	CALL(fd, .stream = 5, .service = "other.Service", .method = "Echo");
	expect(fd, 5, TTRPC_UNIMPLEMENTED);
	CALL(fd, .stream = 7, .service = "other.Service", .method = "Other");
	expect(fd, 7, 0);
	CALL(fd, .stream = 9, .service = "", .method = "");
	expect(fd, 9, TTRPC_UNIMPLEMENTED);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(what_is_no_message_is_refused)
{
	int fd;

	start_server();
	fd = client();
	CALL(fd, .stream = 1, .method = "Echo", .payload = "\xff\xff", .len = 2);
	expect(fd, 1, TTRPC_INVALID_ARGUMENT);
	send_frame(fd, 3, REQUEST, 0, "\x0a\x7f", 2);
	expect(fd, 3, TTRPC_INVALID_ARGUMENT);
	send_frame(fd, 5, REQUEST, 0, "", 0);
	expect(fd, 5, TTRPC_UNIMPLEMENTED);
	expect_echo(fd, 7);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(what_is_too_long_is_refused_and_the_next_call_works)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	int fd;

	start_server();
	fd = client();
	ck_assert_ptr_nonnull(buf_extend(&message, 4 * MIB + 1));
	send_frame(fd, 1, REQUEST, 0, message.data, message.len);
	expect(fd, 1, TTRPC_RESOURCE_EXHAUSTED);
	expect_echo(fd, 3);
	send_frame(fd, 4, REQUEST, 0, message.data, message.len);
	expect(fd, 4, TTRPC_INVALID_ARGUMENT);
	expect_echo(fd, 5);
	/* The longest one is read: it is no request. */
	send_frame(fd, 7, REQUEST, 0, message.data, 4 * MIB);
	expect(fd, 7, TTRPC_INVALID_ARGUMENT);
	expect_echo(fd, 9);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(a_call_whose_time_is_over_is_told_so)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int fd;

	start_server();
	fd = client();
	put_call(&out, &(struct call){.stream = 1, .method = "Never", .timeout_ns = 50000000});
	put_call(&out, &(struct call){.stream = 3, .method = "Never"});
	put_call(&out, &(struct call){.stream = 5, .method = "Never", .timeout_ns = -1});
	put_call(&out, &(struct call){.stream = 7, .method = "Echo", .timeout_ns = INT64_MAX});
	ck_assert(send_bytes(fd, &out));
	expect(fd, 7, 0);
	expect(fd, 5, TTRPC_DEADLINE_EXCEEDED);
	expect(fd, 1, TTRPC_DEADLINE_EXCEEDED);
	expect_echo(fd, 9);
	/* The late answers of the two are dropped. */
	CALL(fd, .stream = 11, .method = "Release");
	expect(fd, 3, TTRPC_UNAVAILABLE);
	expect(fd, 11, 0);
	expect_echo(fd, 13);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(calls_at_a_time_have_a_bound)
{
	uint32_t stream = 1;
	int fd, other;

	start_server();
	fd = client();
	other = client();
	for (int i = 0; i < TTRPC_CALLS_MAX; i++, stream += 2)
		CALL(fd, .stream = stream, .method = "Never");
	CALL(fd, .stream = stream, .method = "Echo");
	expect(fd, stream, TTRPC_RESOURCE_EXHAUSTED);
	expect_echo(other, 1);
	CALL(other, .stream = 3, .method = "Release");
	expect(other, 3, 0);
	for (int i = 0; i < TTRPC_CALLS_MAX; i++)
		ck_assert_int_eq(read_answer(fd).code, TTRPC_UNAVAILABLE);
	expect_echo(fd, stream + 2);
	close(fd);
	close(other);
	stop_server();
}
END_TEST

START_TEST(frames_may_come_byte_by_byte)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int fd;

	start_server();
	fd = client();
	put_call(&out, &(struct call){.stream = 1, .method = "Echo"});
	put_call(&out, &(struct call){.stream = 3, .method = "No"});
	for (size_t i = 0; i < out.len; i++)
		ck_assert_int_eq(send(fd, out.data + i, 1, MSG_NOSIGNAL), 1);
	expect(fd, 1, 0);
	expect(fd, 3, TTRPC_UNIMPLEMENTED);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(clients_may_vanish_at_any_moment)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int fd, witness;

	start_server();
	witness = client();
	put_call(&out, &(struct call){.stream = 1, .method = "Never"});
	for (size_t len = 0; len <= out.len; len++) {
		fd = client();
		ck_assert_int_eq(send(fd, out.data, len, MSG_NOSIGNAL), len);
		close(fd);
		expect_echo(witness, (uint32_t)(2 * len + 1));
	}
	fd = client();
	send_number(fd, 1, "Later", 20);
	CALL(fd, .stream = 3, .method = "Never", .timeout_ns = 10 * 1000000);
	CALL(fd, .stream = 5, .method = "Never");
	send_number(fd, 7, "Big", 3 * MIB);
	close(fd);
	fd = client();
	/* Half of what follows is there already when its sender goes. */
	shutdown(fd, SHUT_WR);
	close(fd);
	send_number(witness, 1001, "Later", 60);
	expect(witness, 1001, 0);
	CALL(witness, .stream = 1003, .method = "Release");
	expect(witness, 1003, 0);
	close(witness);
	stop_server();
}
END_TEST

START_TEST(who_never_reads_is_cut_off)
{
	int greedy, witness;
	size_t n = 0, total = 0;
	static char junk[65536];
	ssize_t r;

	start_server();
	greedy = client();
	witness = client();
	/* Each leaves a MiB; nobody may have more than the bound and one answer. */
	for (uint32_t stream = 1; n < 64; stream += 2, n++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		static const char mib[] = "\x08\x80\x80\x40";

		put_call(
			&out, &(struct call){
				      .stream = stream, .method = "Big", .payload = mib, .len = 4});
		if (!send_bytes(greedy, &out))
			break;
		expect_echo(witness, stream);
	}
	ck_assert_uint_lt(n, 64);
	while ((r = recv(greedy, junk, sizeof(junk), 0)) > 0)
		total += (size_t)r;
	ck_assert(r == 0 || errno == ECONNRESET);
	ck_assert_uint_le(total, TTRPC_UNREAD_MAX + 2 * MIB);
	expect_echo(witness, 1001);
	close(greedy);
	close(witness);
	stop_server();
}
END_TEST

START_TEST(small_answers_that_nobody_reads_are_bounded_by_their_memory)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint32_t stream = 1;
	size_t n = 0;
	int fd;

	start_server();
	fd = client();
	/* A hundred thousand answers would be short, and what keeps them is not. */
	for (; n < 400; n++) {
		buf_finish(&out);
		for (int i = 0; i < 256; i++, stream += 2)
			put_call(&out, &(struct call){.stream = stream, .method = "Echo"});
		if (!send_bytes(fd, &out))
			break;
	}
	ck_assert_uint_lt(n, 400);
	close(fd);
	stop_server();
}
END_TEST

START_TEST(an_answer_that_is_too_long_ends_the_connection)
{
	struct rig_frame f;
	int fd;

	start_server();
	fd = client();
	send_number(fd, 1, "Big", 4 * MIB - 100);
	ck_assert_uint_gt(read_answer(fd).payload.len, 4 * MIB - 100);
	send_number(fd, 3, "Big", 5 * MIB);
	ck_assert(!rig_read_frame(fd, &f));
	close(fd);
	stop_server();
}
END_TEST

START_TEST(peers_of_other_users_are_refused)
{
	struct rig_frame f;
	pid_t pid;
	int status;

	start_server();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		int fd;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		fd = client();
		put_call(&out, &(struct call){.stream = 1, .method = "Echo"});
		(void)send_bytes(fd, &out);
		_exit(rig_read_frame(fd, &f) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	stop_server();
}
END_TEST

UNIT_MAIN("shim ttrpc", a_call_is_answered, answers_come_as_they_are_ready,
	connections_have_streams_of_their_own, wrong_streams_are_refused_and_the_connection_goes_on,
	a_refused_stream_is_used_up, flags_say_whether_data_follows,
	frames_of_other_types_are_passed_over, what_is_not_there_is_unimplemented,
	what_is_no_message_is_refused, what_is_too_long_is_refused_and_the_next_call_works,
	a_call_whose_time_is_over_is_told_so, calls_at_a_time_have_a_bound,
	frames_may_come_byte_by_byte, clients_may_vanish_at_any_moment, who_never_reads_is_cut_off,
	small_answers_that_nobody_reads_are_bounded_by_their_memory,
	an_answer_that_is_too_long_ends_the_connection, peers_of_other_users_are_refused)
