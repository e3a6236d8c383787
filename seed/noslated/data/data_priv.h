/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the data plane, and who calls whom:
 *
 *   front.c (accepts) -> client.c (reads heads, answers) -> exchange.c (a request with its worker)
 *   client.c (a preface) -> h2.c (frames), h2_stream.c (streams) -> client.c (each is one)
 *   exchange.c -> host.c (asks the policy) -> exchange.c (send, refuse), upstream.c (connections)
 *
 * The policy may not be called from within its ops, and makers may call back: host.c keeps lists of what
 * is to be done, and host_settle() does it, one after the other and never nested. Memory of connections is
 * freed by the loop only, so that a pointer is good until the callback ends.
 */
#ifndef SEED_NOSLATED_DATA_DATA_PRIV_H
#define SEED_NOSLATED_DATA_DATA_PRIV_H

#include "runtime/base/buf.h"
#include "runtime/base/table.h"
#include "seed/noslated/data/access_log.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/data/head.h"
#include "seed/noslated/data/ids.h"
#include "seed/noslated/data/router.h"
#include "seed/noslated/data/stream.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/words.h"

/* Interim responses (1xx) before one that counts. */
#define DATA_INTERIM_MAX 8
/* Between tries to connect to a worker whose backlog is full, and before one more try with another worker. */
#define DATA_CONNECT_AGAIN_MS 5
#define DATA_RETRY_MS	      25
/* Bodies of a length up to this are here before a worker is asked for. */
#define DATA_BODY_SMALL 16384
/* A body has body_ms, and a second more for so many bytes, before an answer begins. */
#define DATA_BODY_RATE 500
/* What is read and dropped of a client that was told to go, so that it can read why. */
#define DATA_LINGER_MS	  2000
#define DATA_LINGER_BYTES 262144
/* How long lines of the access log may wait for others. */
#define DATA_LOG_MS 50
/* After something has changed, until gauges say so. */
#define DATA_REFRESH_MS 100
/* An idle connection that is older is not used again: workers close theirs after 75 s. */
#define DATA_UPSTREAM_MS 60000
#define DATA_SOCKET_MAX	 108
#define DATA_ADDRESS_MAX 48 /* of a client, as text */

struct data_function {
	struct table_entry entry; /* in functions of the plane, unless removed */
	char *name, *tenant,
		*identity; /* owned; the last one makes other workers of it when it changes */
	struct policy_function *policy; /* NULL: removed */
	uint64_t request_ms, drain_ms;
	bool drained;
	uint64_t cut_ms;     /* of the loop's time, once removed: what still runs is cut */
	unsigned refs;	     /* its workers and requests, and 1 while it is not removed */
	struct stats *stats; /* NULL: it has no slot of its own, and the rest counts for it */
	struct stats_data_function *counts;
	bool dirty; /* its gauges are not what is told */
	struct data_function *next_dirty;
};

struct data_worker {
	struct table_entry entry;
	char name[DATA_WORKER_NAME_MAX + 1];
	char socket[DATA_SOCKET_MAX];
	struct data_function *function;
	struct policy_worker *policy;		       /* NULL: gone */
	struct data_worker *next_to_do, *next, **prev; /* all of the plane */
	bool to_start, to_stop, stopping;
	uint64_t start_ns, ready_ns; /* when it was asked for, and served; 0: not yet */
	struct upstream *idle;	     /* connections without a request, the last used first */
	struct client *running;	     /* as the policy sees it */
	unsigned refs;		     /* its connections and requests, and 1 while it is not gone */
};

struct upstream {
	struct stream s;
	struct data_plane *plane;
	struct data_worker *worker;
	struct client *client;	       /* NULL: idle */
	struct upstream *next, **prev; /* of the idle ones */
	uint64_t idle_since;	       /* of the loop's time */
	bool reused, closed;
};

enum client_phase {
	CLIENT_HEAD,	/* between requests, or in the middle of a head */
	CLIENT_BODY,	/* the rest of a small body has to come */
	CLIENT_WAIT,	/* the policy has it */
	CLIENT_CONNECT, /* the worker's backlog is full */
	CLIENT_RETRY,	/* on to another worker in a moment */
	CLIENT_RUN,	/* sent, no head of a response yet */
	CLIENT_STREAM,	/* the head was sent on */
	CLIENT_TUNNEL,
	CLIENT_ANSWER, /* an answer of ours is being sent */
	CLIENT_LINGER, /* half closed by us; what comes is dropped until the client closes */
	CLIENT_DEAD,
};

enum client_policy { WITH_NOBODY, WITH_QUEUE, WITH_WORKER };

struct client {
	struct stream s;
	uv_timer_t timer;
	struct data_plane *plane;
	struct client *next, **prev;	       /* all of the plane */
	struct client *idle_next, **idle_prev; /* without a whole request, the oldest first */
	enum client_phase phase;
	unsigned handles;	/* that the loop has */
	uint64_t due, timer_at; /* of the loop's time; due 0: never */
	bool in_run, close_after;
	int fixed_phase; /* of which what comes does not move it; -1: of none */
	char address[DATA_ADDRESS_MAX];
	struct head_scan scan;
	size_t lingered;

	/* of the request */
	struct policy_request request;
	enum client_policy policy;
	bool admitted;	     /* the policy has had it before: it comes once more */
	bool to_do, refused; /* by the policy: to be sent, or refused */
	enum policy_refusal why;
	struct client *next_to_do, *running_next, **running_prev;
	struct data_function *function;
	struct data_worker *worker;
	struct upstream *up;
	struct body req, resp;
	size_t head_len;
	uint32_t method_at, method_len, path_at, path_len;
	bool req_started; /* its head is parsed */
	bool req_chunked, req_done, req_broken, resp_chunked;
	bool req_unsent; /* the worker has not got a byte of it */
	bool is_head, old_client, expects, keep_alive, upgrade, idempotent, retried, resp_keep,
		half_closed;
	unsigned interim;
	int status;
	enum data_error error;
	struct head_scan resp_scan;
	uint64_t begun_ns, arrived_ns, sent_ns, first_ns, in_at, out_at;
	bool queued; /* it had to wait */
	bool traced, has_parent;
	struct span_ids trace;
	uint64_t body_from,
		body_waited; /* of the loop's time: since when its body is waited for (0: it is not), and before */
	uint64_t req_mark, resp_mark; /* what was sent before the request and the response */
	char id[IDS_REQUEST_MAX + 1];
};

struct listener {
	uv_poll_t poll;
	struct data_plane *plane;
	struct listener *next;
	int fd;
};

struct data_plane {
	uv_loop_t *loop;
	struct data_options options;
	const struct data_maker *maker;
	void *arg;
	struct policy *policy;
	struct table functions, workers;
	struct router *router;
	struct stream_pool pool;
	struct ids ids;
	struct access_log log;
	struct head head; /* scratch: of the request of head_of */
	const struct client *head_of;
	struct head response, answer; /* of a worker; to a client of HTTP/2 */

	struct listener *listeners;
	struct client *clients, *idle, **idle_tail;
	struct h2 *h2, **h2_tail; /* connections of HTTP/2; their streams are clients */
	struct data_worker *all_workers;
	unsigned n_clients, n_requests, n_upstreams, n_workers;
	uint64_t n_answered, n_named;
	bool paused; /* does not accept */
	bool draining, leaving, destroyed;
	void (*drained)(void *arg);
	void *drained_arg;
	unsigned handles; /* that the loop has; the plane is freed with the last one */

	struct stats *stats; /* NULL: nothing is counted */
	struct stats_data_node *counts;
	uint8_t error_words[DATA_ERRORS]; /* in which word each is counted */
	uint64_t dropped_before;	  /* lines of the log that are counted */
	struct data_function *dirty;
	struct spans *spans; /* NULL: nothing is traced */

	bool settling;
	struct client *to_do, **to_do_tail;
	struct data_worker *workers_to_do, **workers_to_do_tail;
	uv_timer_t tick, accept_again, log_later, cut, refresh;
	uint64_t cut_at;  /* when that is due; 0: it does not run */
	uint64_t tick_ns; /* when the timer is due; POLICY_NEVER: it does not run */
};

/* --- data.c --- */
/* One handle less; the last one frees the plane. */
void data_handle_closed(struct data_plane *d);
void data_check_drained(struct data_plane *d);

/* --- front.c --- */
void front_close(struct data_plane *d);
void front_resume(struct data_plane *d);

/* --- client.c --- */
/* Takes the descriptor over. */
void client_create(struct data_plane *d, int fd, const char *address);
/* One whose connection is carried by somebody else; it ends with its first request. NULL: no memory. */
struct client *client_carry(
	struct data_plane *d, const struct stream_ops *ops, void *carrier, const char *address);
void client_close(struct client *c);
/* An answer of ours; then the next request, or the end when `close`. */
void client_answer(struct client *c, enum data_error e, bool close);
/* The request has ended and its response was sent: goes on to the next one or ends. */
void client_finish(struct client *c);
/* Events and timer that fit the phase. */
void client_update(struct client *c);
void client_log(struct client *c);
/* Bytes of the request; what came behind it is of the next one. */
static inline uint64_t client_received(const struct client *c)
{
	return c->s.received - c->in_at - (c->req_done ? stream_unused(&c->s) : 0);
}

/* --- exchange.c --- */
/* A head is complete in the buffer of the client. */
void exchange_begin(struct client *c, size_t head_len);
void exchange_send(struct client *c);
void exchange_refused(struct client *c, enum policy_refusal why);
void exchange_client_event(struct client *c, int events);
void exchange_upstream_event(struct stream *s, int events);
void exchange_timeout(struct client *c);
/* The client is gone. */
void exchange_leave(struct client *c);

/* What is left of the request goes to the worker. */
void exchange_pump(struct client *c);
/* The worker is lost before it has answered: tries again where that is harmless. */
void exchange_lost(struct client *c, enum data_error e);
void exchange_update(struct client *c);

/* --- response.c --- */
void response_event(struct client *c);
/* Something of ours or of the worker's failed: answers where it can, else cuts. */
void response_fail(struct client *c, enum data_error e, bool worker_failed);

/* --- tunnel.c --- */
void tunnel_begin(struct client *c);
void tunnel_event(struct client *c);

/* --- measure.c --- */
void measure_function(struct data_plane *d, struct data_function *f);
void measure_forget(struct data_function *f);
/* A set was taken. */
void measure_applied(struct data_plane *d);
/* A request has ended, before anything of it is forgotten. */
void measure_request(struct client *c, uint64_t now);
/* Whether it waited for its worker to start. */
bool measure_is_cold(const struct client *c);
/* There are other workers or requests of it, or other connections. */
void measure_changed(struct data_plane *d, struct data_function *f);
void measure_soon(struct data_plane *d);
/* At once. */
void measure_flush(struct data_plane *d);

/* --- trace.c --- */
/* Whether it is traced; only where the plane has a ring. */
void trace_begin(struct client *c, const struct head *h);
/* What the worker gets of a request that is. */
const char *trace_parent(const struct client *c, char to[IDS_TRACE + 1]);
void trace_end(struct client *c, uint64_t now);

/* --- upstream.c --- */
/* One that is idle, or a new one: *ret. -EAGAIN: the backlog is full. */
int upstream_get(struct data_worker *w, struct client *c, struct upstream **ret);
/* The request is done: kept for the next one, or closed. */
void upstream_put(struct upstream *u, bool keep);
void upstream_close(struct upstream *u);
void upstream_close_idle(struct data_worker *w);
void upstream_update(struct upstream *u);

/* --- host.c --- */
int host_init(struct data_plane *d, const struct policy_limits *limits, struct err *err);
void host_finish(struct data_plane *d);
void host_arrive(struct client *c);
/* Whatever the policy has of the request is over. */
void host_done(struct client *c, enum policy_end how);
void host_settle(struct data_plane *d);
void host_unref_worker(struct data_worker *w);
void host_unref_function(struct data_function *f);
/* Whoever is idle is released from now on. */
void host_leave(struct data_plane *d);
/* No new requests; what runs has the time that its profile says. */
void host_remove(struct data_plane *d, struct data_function *f);

#endif
