/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of debuggers, and the loop that serves them.
 *
 * A message may run JavaScript, and that may reach a breakpoint, where the loop turns anew.
 * So no message is carried out within a turn: its arrival stops the loop, and serve() does it.
 */
#include "aworker/inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "aworker/inspect/inspect_priv.h"
#include "aworker/limits.h"
#include "aworker/profile.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

#define HTTP_CLIENTS_MAX 32

/* Messages of one turn of the worker's loop. */
#define MESSAGES_A_TURN 64

/* --- sessions --- */

static void on_ws_message(void *data, enum ws_opcode opcode, const void *bytes, size_t len)
{
	struct inspect_session *s = data;
	struct inspect *in = s->inspect;

	if (opcode != WS_TEXT)
		return;
	buf_put(&in->message, bytes, len);
	if (buf_failed(&in->message)) {
		buf_finish(&in->message);
		ws_conn_close(s->conn, WS_STATUS_TOO_BIG, NULL, 0);
		return;
	}
	in->message_for = s->id;
	in->has_message = true;
	loop_stop(&in->loop);
}

static void on_ws_drained(void *data UNUSED)
{
}

static void on_ws_closed(void *data, unsigned status UNUSED, const char *reason UNUSED,
	size_t reason_len UNUSED, bool clean UNUSED)
{
	struct inspect_session *s = data;

	s->gone = true;
	loop_stop(&s->inspect->loop);
}

static const struct ws_handler ws_handler = {
	.message = on_ws_message,
	.drained = on_ws_drained,
	.closed = on_ws_closed,
};

int inspect_session_open(struct inspect *in, int fd, const struct buf *rest, struct err *err)
{
	const struct ws_options options = {.message_max = INSPECT_MESSAGE_MAX,
		.queue_max = INSPECT_MESSAGE_MAX,
		.rest = rest->data,
		.rest_len = rest->len};
	struct inspect_session *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return err_oom(err);
	}
	s->inspect = in;
	s->id = ++in->serial;
	if (ws_conn_create(&in->loop, fd, &options, &ws_handler, s, &s->conn, err) < 0) {
		free(s);
		return -err->code;
	}
	inspect_signal_watch(fd);
	s->next = in->sessions;
	in->sessions = s;
	in->n_sessions++;
	engine_inspector_connect(in->worker->engine, s->id);
	return 0;
}

static struct inspect_session *find(struct inspect *in, uint32_t id)
{
	struct inspect_session *s = in->sessions;

	while (s && s->id != id)
		s = s->next;
	return s;
}

static void drop_gone(struct inspect *in)
{
	struct inspect_session **p = &in->sessions;

	while (*p) {
		struct inspect_session *s = *p;

		if (!s->gone) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		in->n_sessions--;
		engine_inspector_disconnect(in->worker->engine, s->id);
		ws_conn_destroy(s->conn);
		free(s);
	}
	in->alone = in->n_sessions == 0;
}

static void drop_all(struct inspect *in)
{
	for (struct inspect_session *s = in->sessions; s; s = s->next)
		s->gone = true;
	drop_gone(in);
}

/* --- serving --- */

static void carry_out(struct inspect *in)
{
	struct buf message = in->message;
	bool busy = in->busy;

	in->message = (struct buf)BUF_INIT;
	in->has_message = false;
	in->busy = true;
	engine_inspector_message(in->worker->engine, in->message_for, message.data, message.len);
	in->busy = busy;
	buf_finish(&message);
}

/* False: the loop cannot go on. */
static bool serve(struct inspect *in, bool wait)
{
	struct err err = ERR_INIT;
	int r = wait ? loop_run(&in->loop, &err) : loop_poll(&in->loop, &err);

	if (r < 0) {
		worker_say("debugger: %s", err.msg);
		return false;
	}
	if (in->has_message)
		carry_out(in);
	/* Nothing of the worker has run yet, but what a debugger evaluates may wait for promises. */
	if (in->waiting && in->resumed)
		engine_pump(in->worker->engine);
	drop_gone(in);
	return true;
}

/* The worker's loop does not turn meanwhile, but a signal must end that. */
static void on_wake(void *data, uint32_t events)
{
	struct inspect *in = data;
	struct worker *w = in->worker;

	w->wake.fn(w->wake.data, events);
	if (w->signal)
		for (struct inspect_session *s = in->sessions; s; s = s->next)
			s->gone = true;
	loop_stop(&in->loop);
}

/* Serves nothing else until `*done`, the last session has gone, or a signal asks for the end. */
static void serve_until(struct inspect *in, const bool *done)
{
	struct worker *w = in->worker;

	/* Nested, when a message that was sent while JavaScript stood reaches a breakpoint. */
	bool outermost = !in->wake.active;

	if (outermost && loop_fd_add(&in->loop, &in->wake, w->wake.fd, EPOLLIN) < 0)
		drop_all(in);
	/* While JavaScript stands it takes no time. */
	while (!*done && !w->signal && !limits_reached(w) && !(in->waiting && w->exiting) &&
		serve(in, true))
		limits_task_done();
	if (w->signal || limits_reached(w))
		drop_all(in);
	if (outermost)
		loop_fd_remove(&in->loop, &in->wake);
}

/* Has the worker's loop come back when there is something to do. */
static void rearm(struct inspect *in)
{
	struct loop *outer = &in->worker->loop;
	const uint64_t due = loop_due_ns(&in->loop), now = loop_clock_ns();

	if (due == UINT64_MAX)
		loop_timer_stop(outer, &in->timer);
	else if (loop_timer_start(outer, &in->timer, due > now ? due - now : 0) < 0)
		worker_say("debugger: out of memory for a timer, ignoring");
}

static void on_timer(void *data)
{
	struct inspect *in = data;

	for (int i = 0; i < MESSAGES_A_TURN; i++) {
		if (!serve(in, false) || loop_due_ns(&in->loop) > 0)
			break;
	}
	rearm(in);
}

static void on_turn(void *data, uint32_t events UNUSED)
{
	on_timer(data);
}

void inspect_interrupted(void *data)
{
	struct inspect *in = data;

	/* Its own client's code: only the rest of the worker can be interrupted. */
	if (!in->busy)
		on_timer(in);
}

/* --- what the engine asks for --- */

static void on_send(void *data, uint32_t id, const char *json, size_t len)
{
	struct inspect *in = data;
	struct inspect_session *s = find(in, id);

	if (id == PROFILE_SESSION)
		profile_take(in->worker, json, len);
	if (!s || s->gone || ws_conn_send(s->conn, WS_TEXT, json, len) < 0)
		return;
	/* A heap snapshot is larger than what should wait in memory. */
	if (ws_conn_queued(s->conn) > INSPECT_QUEUE_HIGH &&
		!ws_conn_wait(s->conn, INSPECT_QUEUE_HIGH, INSPECT_SEND_MS))
		ws_conn_close(s->conn, WS_STATUS_GOING_AWAY, NULL, 0);
	if (!in->wake.active)
		rearm(in);
}

static void on_pause(void *data)
{
	struct inspect *in = data;

	in->resumed = false;
	serve_until(in, &in->resumed);
	in->resumed = true;
}

static void on_resume(void *data)
{
	struct inspect *in = data;

	in->resumed = true;
}

static void on_run(void *data)
{
	struct inspect *in = data;

	in->ran = true;
}

static void on_tick(void *data)
{
	struct inspect *in = data;

	engine_inspector_tick(in->worker->engine);
	if (in->tick_ns > 0)
		(void)loop_timer_start(&in->loop, &in->tick, in->tick_ns);
}

static void on_tick_every(void *data, double ms)
{
	struct inspect *in = data;

	in->tick_ns = ms > 0 ? (uint64_t)(ms * 1e6) : 0;
	loop_timer_stop(&in->loop, &in->tick);
	if (in->tick_ns > 0)
		(void)loop_timer_start(&in->loop, &in->tick, in->tick_ns);
}

/* --- life --- */

static int make_id(char ret[INSPECT_ID_SIZE], struct err *err)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return err_set(err, errno, "get random bytes");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, INSPECT_ID_SIZE,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
	return 0;
}

/* A port alone is enough. */
static int listen_on(struct inspect *in, const char *address, struct err *err)
{
	char text[32];

	if (!*address)
		address = INSPECT_ADDRESS;
	if (address[strspn(address, "0123456789")] == '\0' && strlen(address) < 6) {
		snprintf(text, sizeof(text), "127.0.0.1:%s", address);
		address = text;
	}
	return http_listen(address, &in->listener, err) < 0 ? err_wrap(err, "debugger") : 0;
}

static int open_loop(struct inspect *in, struct err *err)
{
	const struct http_limits limits = {.connections = HTTP_CLIENTS_MAX,
		.head_ms = HTTP_HEAD_TIMEOUT_MS,
		.idle_ms = HTTP_IDLE_TIMEOUT_MS,
		.body_ms = HTTP_BODY_TIMEOUT_MS,
		.write_ms = HTTP_WRITE_TIMEOUT_MS,
		.linger_ms = HTTP_LINGER_MS};
	struct worker *w = in->worker;
	int r;

	if (make_id(in->id, err) < 0 || listen_on(in, w->options.inspect, err) < 0 ||
		loop_init(&in->loop, err) < 0 ||
		http_server_create(&in->loop, in->listener.fd, &limits, &inspect_http_handler, in,
			&in->http, err) < 0)
		return -err->code;
	r = loop_fd_add(&w->loop, &in->turn, in->loop.epoll_fd, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch the debugger's loop") : 0;
}

static void destroy(struct inspect *in)
{
	struct worker *w = in->worker;

	inspect_signal_close();
	drop_all(in);
	engine_inspector_close(w->engine);
	loop_fd_remove(&w->loop, &in->turn);
	loop_timer_stop(&w->loop, &in->timer);
	http_server_destroy(in->http);
	http_listener_finish(&in->listener);
	if (loop_is_open(&in->loop)) {
		loop_timer_stop(&in->loop, &in->tick);
		loop_close(&in->loop);
	}
	buf_finish(&in->message);
	free(in);
	w->inspect = NULL;
}

int inspect_open(struct worker *w, struct err *err)
{
	struct engine_inspector_host host = {.send = on_send,
		.pause = on_pause,
		.resume = on_resume,
		.run = on_run,
		.tick_every = on_tick_every,
		.console = true};
	struct inspect *in;

	if (!w->options.inspect)
		return 0;
	in = calloc(1, sizeof(*in));
	if (!in)
		return err_oom(err);
	w->inspect = in;
	in->worker = w;
	in->resumed = true;
	in->listener = (struct http_listener)HTTP_LISTENER_INIT;
	in->turn = (struct loop_fd){.fn = on_turn, .data = in, .background = true};
	in->timer = (struct loop_timer){.fn = on_timer, .data = in, .background = true};
	in->wake = (struct loop_fd){.fn = on_wake, .data = in, .background = true};
	in->tick = (struct loop_timer){.fn = on_tick, .data = in, .background = true};
	host.data = in;
	engine_inspector_open(w->engine, &host, w->name);
	if (open_loop(in, err) < 0) {
		destroy(in);
		return -err->code;
	}
	inspect_signal_open(in);
	worker_say("debugger listening on ws://%s/%s", in->listener.text, in->id);
	return 0;
}

void inspect_wait(struct worker *w)
{
	struct inspect *in = w->inspect;

	if (!in || !w->options.inspect_break)
		return;
	in->waiting = true;
	serve_until(in, &in->ran);
	in->waiting = false;
	if (in->n_sessions > 0)
		engine_inspector_break(w->engine);
}

void inspect_close(struct worker *w)
{
	struct inspect *in = w->inspect;

	if (!in)
		return;
	if (in->n_sessions > 0 && !w->signal) {
		engine_inspector_finished(w->engine);
		worker_say("waiting for the debugger to disconnect");
		serve_until(in, &in->alone);
	}
	destroy(in);
}
