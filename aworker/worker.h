/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: an engine, a loop, a file to run and perhaps a socket to serve.
 * It is what op_data() gives to an op; NULL while a startup snapshot is made.
 *
 * What the platform's JavaScript puts into `internals` for the worker to call:
 *   mainLoaded(namespace)      the user's file has run (undefined for a classic script), top-level
 *                              await included; when a fetch handler exists calls ops.workerRest(),
 *                              and where the worker is not to rest fires `install` and `activate`
 *                              and then calls ops.workerServe()
 *   timerFired(id)             a timer of ops.timerStart(id, ms) is due
 *   reportException(error)     true when a listener of `error` took care of it
 *   reportRejection(promise, reason), rejectionHandled(promise, reason)
 *                              true when a listener of `unhandledrejection` took care of it
 *   warmUp()                   optional: in a seed, before the fork point: sends a request through the
 *                              fetch dispatch path so that its code is compiled
 *   serialize()                the worker becomes a state image: `serialize` is fired; calls
 *                              ops.workerAtRest() when that is over
 *   resumed()                  the worker comes from a state image: state that must be this
 *                              process's own, `deserialize`, then as after mainLoaded()
 *   beginSnapshot(), endSnapshot()
 *                              the worker is to become a startup snapshot, before its file runs;
 *                              it is at rest, and its loop ends
 *   restored()                 the worker comes from one: as resumed(), but timers are started anew
 *   uninstall()                the last request was answered; `uninstall` is fired
 *   started()                  optional: in every process, before the user's file: state that
 *                              must be this process's own (time origin, location, ...)
 *   http..., ws...             see aworker/http/http.h
 *
 * Life: worker_create() | worker_load() | worker_open() worker_run() worker_close() |
 * worker_destroy(). Between close and open the process may be copied.
 *
 * As a startup snapshot: worker_create() | worker_load() | worker_open() worker_run_to_rest()
 * worker_end_snapshot() worker_close() | engine_snapshot_take(); snapshot_use() before
 * worker_create() makes worker_run() go on from one.
 *
 * As a state image: worker_create() | worker_load() | worker_open() worker_run_to_rest()
 * worker_suspend() | in each process that comes from it: worker_resume() worker_run_resumed()
 * worker_close().
 */
#ifndef AWORKER_WORKER_H
#define AWORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "aworker/http/http_server.h"
#include "aworker/loop.h"
#include "aworker/snapshot/snapshot_file.h"
#include "aworker/v8/engine.h"
#include "runtime/base/buf.h"
#include "runtime/box/limits.h"

struct aio;
struct cache_bridge;
struct fetch_bridge;
struct http_bridge;
struct import_map;
struct inspect;
struct profile;
struct repl;
struct stack_map;
struct watch;
struct timer_table;
struct ws_bridge;

/* Exit codes of the program; 128 + N after signal N. */
enum worker_exit {
	WORKER_EXIT_OK = 0,
	WORKER_EXIT_ERROR = 1,	/* uncaught error or rejection, syntax error, endless await */
	WORKER_EXIT_USAGE = 2,	/* bad command line */
	WORKER_EXIT_FILE = 3,	/* the file cannot be read */
	WORKER_EXIT_LISTEN = 4, /* the address cannot be listened on */
	WORKER_EXIT_ENGINE = 5, /* the engine does not start, or is out of memory */
	WORKER_EXIT_TASK = 6,	/* one task took more processor time than --task-limit */
	WORKER_EXIT_CPU = 7,	/* --cpu-limit is used up */
};

/* How long the running requests, or any other code, may take after SIGTERM. */
#define WORKER_GRACE_MS 8000

/* How long what listens to `serialize` may take. */
#define WORKER_SERIALIZE_MS 8000

/* The largest file of code. */
#define WORKER_FILE_MAX (256u << 20)

/* Key-value stores of one worker. */
#define WORKER_KV_MAX 16

/* The most that --cache-size and --heap-limit say, in bytes. */
#define WORKER_SIZE_MAX (1024ull << 30)

/* worker_options.build_state: of --mode=seed-userland, which keeps it for others. */
#define WORKER_STATE_IN_MEMORY ""

/* Everything is borrowed. */
struct worker_options {
	const char *file;    /* what to run; NULL with `code` */
	const char *code;    /* -e */
	const char *listen;  /* HOST:PORT, unix:PATH or fd:N; NULL: as below */
	const char *host;    /* NULL: 127.0.0.1, but every address with PORT of the environment */
	const char *port;    /* NULL: PORT of the environment, else 8080 */
	const char *inherit; /* fd:N, the socket that this process listened on before --watch */
	unsigned max_connections; /* 0: HTTP_CONNECTIONS_MAX */
	bool must_serve; /* `serve`: one that does not is an error; says where it listens */
	bool watch;
	bool repl;
	const char *report;	       /* --report: the folder; NULL: none */
	const char *location;	       /* --location; NULL: made from the file */
	const char *import_map;	       /* --import-map; NULL: none */
	const char *env_file;	       /* --env-file; NULL: none */
	const char *kv[WORKER_KV_MAX]; /* --kv: NAME or NAME=FILE */
	size_t n_kv;
	const char *cache;	  /* --cache: the directory; NULL: in memory */
	uint64_t cache_size;	  /* bytes; 0: CACHE_SIZE_DEFAULT */
	struct box_limits limits; /* in a container, its own are among them; no `memory` */
	const char *const *args;  /* what follows FILE; NULL-terminated */
	/* These two must be there before worker_create(), so a warm engine cannot honour them. */
	const char *v8_options;
	bool no_snapshot;
	const char *image;	   /* --build-image: where to */
	const char *build_state;   /* --build-state: where to, or WORKER_STATE_IN_MEMORY */
	const char *state;	   /* --state */
	const char *snapshot_blob; /* --snapshot-blob */
	bool build_snapshot;	   /* it is to be made */
	bool require_snapshot;	   /* FILE is not to be run where it does not fit */
	const char *inspect;	   /* --inspect: where to listen, "" by default; NULL: not at all */
	bool inspect_break;	   /* --inspect-brk */
	/* --cpu-prof, --heap-prof: where to, "" for a name of ours; NULL: not at all */
	const char *cpu_prof, *heap_prof;
	unsigned cpu_prof_interval_us; /* 0: PROFILE_INTERVAL_US */
};

/* How far one has come that is not to serve, but to become a state image. */
enum worker_rest {
	REST_NOT_WANTED,
	REST_WANTED,
	REST_SERVES,  /* it would serve now */
	REST_REACHED, /* what listens to `serialize` has done what it wanted */
};

struct worker {
	struct engine *engine;
	void *stack_low; /* lowest usable address of the stack that JavaScript runs on */
	struct worker_options options;
	const char *const *env; /* NULL-terminated, borrowed */

	char *name; /* absolute path of the file, "[eval]" with -e; owned */
	struct buf source;
	char **own_env; /* what `env` points to when a file has added to it; owned */
	char *kv_text
		[WORKER_KV_MAX]; /* what each store begins with, until it is asked for; owned */
	struct import_map *import_map; /* NULL: none */
	char **files;		       /* paths that imports have loaded or tried to; owned */
	size_t n_files;
	struct stack_map *maps; /* source maps that stacks have asked for; owned */
	struct snapshot_file
		snapshot; /* what it starts from instead of running the file; or zeros */

	/* between open and close */
	struct loop loop;
	struct timer_table *timers;
	struct http_bridge *bridge;
	struct ws_bridge *ws;		   /* NULL without a WebSocket */
	struct fetch_bridge *fetch;	   /* NULL until something is fetched */
	struct aio *aio;		   /* NULL until a file is read or written through it */
	struct module_reads *module_reads; /* NULL until a module is imported */
	struct cache_bridge *cache;	   /* NULL until something of --cache is wanted */
	struct http_server *http;	   /* NULL until it serves */
	struct http_listener listener;
	struct repl *repl;		 /* NULL: no prompt */
	struct watch *watch;		 /* NULL without --watch; stays when closed */
	struct inspect *inspect;	 /* NULL without a debugger */
	struct profile *profile;	 /* NULL when none is taken */
	struct loop_timer task_timer;	 /* tasks of the engine that are due now */
	struct loop_timer delayed_timer; /* ... and later: they do not keep the worker alive */
	struct loop_timer tidy_timer;	 /* memory that loading the file has left free */
	struct loop_fd wake;		 /* of signals.c */
	uint64_t origin_ns;		 /* CLOCK_MONOTONIC of performance.now() == 0 */
	double time_origin_ms;		 /* the same moment as wall-clock time since 1970 */
	unsigned n_reports;		 /* files of --report */
	unsigned holds;			 /* ops.workerHold() */
	int exit_code;
	bool exiting;	  /* exit_code is final; the loop is told to stop */
	int signal;	  /* that asked to end; 0: none */
	bool drained;	  /* the last running request has ended */
	bool uninstalled; /* `uninstall` was fired */
	struct loop_deferred uninstall;
	enum worker_rest rest;
};

/*
 * An engine from the built-in snapshot, or from the scripts when it does not fit. The caller has
 * set stack_low, and nothing else.
 */
int worker_create(struct worker *w, struct err *err);
void worker_destroy(struct worker *w);

/*
 * Takes the options and reads the file, with the rights of the moment. On failure *ret_code is
 * the exit code.
 */
int worker_load(struct worker *w, const struct worker_options *options, const char *const *env,
	int *ret_code, struct err *err);

/* A loop, signals, timers, a time origin: what is this process's own. */
int worker_open(struct worker *w, struct err *err);
/* Runs what was loaded to its end; returns the exit code. Errors have gone to stderr. */
int worker_run(struct worker *w);
/* Compiles and links what was loaded, and runs nothing; returns the exit code. */
int worker_check(struct worker *w);
/* Gives back every descriptor and handle; engine and source stay. */
void worker_close(struct worker *w);

/*
 * Runs what was loaded up to where it would serve. Afterwards nothing is open or pending but
 * timers, or that is the error, as is code that ends or fails.
 */
int worker_run_to_rest(struct worker *w, struct err *err);
/* What C knows, such as timers, is JavaScript's to remember from now on. */
void worker_end_snapshot(struct worker *w);
/* As close, but timers are only stopped. */
void worker_suspend(struct worker *w);
/* As open and run: timers go on with the time they had left. `options`, `env`: as worker_load(). */
int worker_resume(struct worker *w, const struct worker_options *options, const char *const *env,
	struct err *err);
int worker_run_resumed(struct worker *w);

/*
 * After worker_run() with --watch: waits for a change where it has ended by itself, and executes
 * the program anew. Returns only when it cannot, with the exit code.
 */
int watch_again(struct worker *w, const char *const *argv);

/* Leaves the loop as soon as the running callback and its microtasks are done. The first code wins. */
void worker_exit(struct worker *w, int code);

/* Calls internals.warmUp() and what follows from it, on an open worker. */
void worker_warm_up(struct worker *w);

/* "aworker: " and a sentence on stderr, in one write. */
void worker_say(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
