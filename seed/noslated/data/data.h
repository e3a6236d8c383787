/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane: takes HTTP requests, finds their functions, and forwards them to workers as the policy
 * says. It makes no worker and starts no process: whoever does (the control plane) is told when one is
 * wanted, and tells when it serves and when it has gone.
 *
 * All of it happens on one libuv loop, in callbacks and in the calls below. A maker may call back from
 * within start() and stop().
 */
#ifndef SEED_NOSLATED_DATA_DATA_H
#define SEED_NOSLATED_DATA_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/base/err.h"

struct data_plane;
struct profile_set;
struct spans;
struct stats;

/* What a peer can grow. Further ones are in head.h and stream.h. */
#define DATA_CONNECTIONS_MAX 10000
#define DATA_WORKER_NAME_MAX 64

struct data_options {
	bool by_name;	   /* "x-noslate-function: NAME" says which function */
	bool trusts_front; /* X-Forwarded-* of clients is kept and added to, as behind another proxy */
	bool waits;	   /* accepts nobody and starts no worker before data_go() */
	const char *prefix; /* of names of workers; at most 16 bytes of A-Za-z0-9_.-; NULL: "w" */
	unsigned connections_max;
	uint64_t head_ms;   /* for the head of a request, from its first byte */
	uint64_t idle_ms;   /* without a request */
	uint64_t body_ms;   /* between pieces of a request's body */
	uint64_t piece_ms;  /* between pieces of a response, and until a client takes one */
	uint64_t tunnel_ms; /* an upgraded connection without a byte either way */
};

#define DATA_OPTIONS_DEFAULT                                            \
	((struct data_options){.connections_max = DATA_CONNECTIONS_MAX, \
		.head_ms = 30000,                                       \
		.idle_ms = 75000,                                       \
		.body_ms = 30000,                                       \
		.piece_ms = 60000,                                      \
		.tunnel_ms = 3600000})

/* What makes workers. The strings are the plane's, and valid during the call. */
struct data_maker {
	/* data_worker_ready() or data_worker_gone() follow. */
	void (*start)(void *arg, const char *function, const char *worker);
	/* data_worker_gone() follows. */
	void (*stop)(void *arg, const char *worker);
	/* After data_leave(), in place of stop(): it serves, and is not ours any more. NULL: stop() it is. */
	void (*release)(void *arg, const char *worker);
	/* It is there, and serves: of data_tell(). NULL: nobody asks. */
	void (*have)(void *arg, const char *worker);
};

/* `maker` and `arg` are borrowed. */
int data_create(uv_loop_t *loop, const struct data_options *options, const struct data_maker *maker,
	void *arg, struct data_plane **ret, struct err *err);
/* Cuts what runs. Handles are closed as the loop runs on, and all memory is freed then. NULL is fine. */
void data_destroy(struct data_plane *d);

/*
 * Where it counts (stats_data_form), and where traced requests go. Borrowed until the plane's memory is freed, or
 * until another one or NULL is said: nothing is counted or traced then, as it is at first.
 */
void data_use_stats(struct data_plane *d, struct stats *stats);
void data_use_spans(struct data_plane *d, struct spans *spans);
/*
 * An access log, JSON lines, from now on; the descriptor is the plane's, also when this fails, and becomes
 * non-blocking (ignore SIGPIPE). -1: none.
 */
int data_log_to(struct data_plane *d, int fd, struct err *err);

/*
 * Serves this set from now on. The set is the plane's afterwards (*set is empty), or untouched when this
 * fails. No request is lost: those that wait for a function of other code go to its successor.
 */
int data_apply(struct data_plane *d, struct profile_set *set, struct err *err);

/* `socket` is the path of the Unix socket on which it answers HTTP/1.1. Unknown names are ignored. */
void data_worker_ready(struct data_plane *d, const char *worker, const char *socket);
/* The same of one that may be unknown: then it is taken, unless it is of no function, and is stopped. */
void data_worker_offered(
	struct data_plane *d, const char *worker, const char *function, const char *socket);
/* All workers were offered that there are; of interest after options.waits. */
void data_go(struct data_plane *d);
void data_worker_gone(struct data_plane *d, const char *worker);
void data_worker_measured(struct data_plane *d, const char *worker, uint64_t bytes);

/* A listening socket, TCP or Unix; the plane's from now on, also when this fails. */
int data_listen(struct data_plane *d, int fd, struct err *err);
/* No new connection; those without a request are closed, the others as their requests end. Once. */
void data_drain(struct data_plane *d, void (*done)(void *arg), void *arg);

/*
 * Another plane has taken the listening sockets over. Connections go on until their clients end them, and
 * workers are released as soon as they have no request. Once.
 */
void data_leave(struct data_plane *d, void (*done)(void *arg), void *arg);
/* Says to the maker of each worker what was said of it last: start(), stop() or have(). */
void data_tell(struct data_plane *d);

struct data_count {
	unsigned connections, requests, workers, upstreams, functions;
	uint64_t answered, log_dropped;
};
void data_count(const struct data_plane *d, struct data_count *ret);

#endif
