/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: an engine, a loop, a file to run and perhaps a socket to serve.
 * It is what op_data() gives to an op.
 *
 * What the platform's JavaScript puts into `internals` for the worker to call:
 *   mainLoaded(namespace)      the user's file has run (undefined for a classic script), top-level
 *                              await included; calls ops.workerServe() when a fetch handler exists
 *   timerFired(id)             a timer of ops.timerStart(id, ms) is due
 *   reportException(error)     true when a listener of `error` took care of it
 *   reportRejection(promise, reason), rejectionHandled(promise, reason)
 *                              true when a listener of `unhandledrejection` took care of it
 *   warmUp()                   optional: in a seed, before the fork point: sends a request through the
 *                              fetch dispatch path so that its code is compiled
 *   started()                  optional: in every process, before the user's file: state that
 *                              must be this process's own (time origin, location, ...)
 */
#ifndef AWORKER_WORKER_H
#define AWORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "aworker/loop.h"
#include "aworker/v8/engine.h"

struct http_server;
struct timer_table;

/* Exit codes of the program; 128 + N after signal N. */
enum worker_exit {
	WORKER_EXIT_OK = 0,
	WORKER_EXIT_ERROR = 1,	/* an uncaught error or rejection, a syntax error too */
	WORKER_EXIT_USAGE = 2,	/* bad command line */
	WORKER_EXIT_FILE = 3,	/* the file cannot be read */
	WORKER_EXIT_LISTEN = 4, /* the address cannot be listened on */
	WORKER_EXIT_ENGINE = 5, /* the engine does not start, or is out of memory */
};

struct worker_options {
	const char *file;   /* what to run; NULL with `code` */
	const char *code;   /* -e */
	const char *listen; /* HOST:PORT, unix:PATH or fd:N; NULL: from PORT, else 127.0.0.1:8080 */
	const char *location; /* --location; NULL: made from the file */
	char **args;	      /* what follows FILE; NULL-terminated */
};

struct worker {
	struct engine *engine;
	struct loop loop;
	struct worker_options options;
	struct timer_table *timers;
	struct http_server *http; /* made by http_server_start(), NULL before */
	uint64_t origin_ns;	  /* CLOCK_MONOTONIC of performance.now() == 0 */
	double time_origin_ms;	  /* the same moment as wall-clock time since 1970 */
	int listen_fd;		  /* -1 until it serves */
	int exit_code;
	bool exiting; /* exit_code is final; the loop is told to stop */
	bool main_loaded;
	bool serving;
	struct loop_timer task_timer; /* posted tasks of the engine */
	struct loop_timer grace_timer;
	struct engine_value *main_loaded_fn;
};

/* Leaves the loop as soon as the running callback and its microtasks are done. The first code wins. */
void worker_exit(struct worker *w, int code);

/*
 * The HTTP server, as the worker uses it (aworker/http_server.c).
 * start: accepts on the listening socket (non-blocking, stays the worker's) and calls JavaScript
 * for each request. stop: no new connections or requests; calls `done` (perhaps at once) when the
 * running ones have ended. destroy: closes what is left; accepts NULL.
 */
int http_server_start(struct worker *w, int listen_fd, struct http_server **ret, struct err *err);
void http_server_stop(struct http_server *s, void (*done)(struct worker *w));
void http_server_destroy(struct http_server *s);

#endif
