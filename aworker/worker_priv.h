/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the worker know of each other.
 */
#ifndef AWORKER_WORKER_PRIV_H
#define AWORKER_WORKER_PRIV_H

#include "aworker/worker.h"

struct json_writer;

/* On stderr, in one write: what was not caught, and its stack, which may be NULL or "". */
void worker_say_error(struct worker *w, const char *message, const char *stack);
/*
 * Calls fn(...argv), nothing when fn is NULL, and gives the values back. Negative: it threw, or one of
 * them is NULL, which is one that could not be made.
 */
int worker_call(struct worker *w, struct engine_value *fn, int argc, struct engine_value **argv);
/* Calls fn(v); nothing happens when fn is NULL. Negative when it threw. */
int worker_call_number(struct worker *w, struct engine_value *fn, double v);
/* Calls internals.NAME(), if there is one, and runs what follows from it. */
void worker_call_internal(struct worker *w, const char *name);
/* What an engine of this program is made with, but for a snapshot. */
struct engine_options worker_engine_options(struct worker *w);
/* Files through the loop, which is open. */
int worker_aio(struct worker *w, struct aio **ret, struct err *err);

/* --- ops_timer.c --- */

int timer_table_create(struct worker *w, struct err *err);
void timer_table_destroy(struct worker *w);
/* Stops all timers, and starts them again, perhaps on another machine's clock. */
void timer_table_suspend(struct worker *w);
int timer_table_resume(struct worker *w, struct err *err);

/* --- ops_http.c: requests become calls of JavaScript --- */

extern const struct http_handler http_bridge_handler; /* its data is the worker */

int http_bridge_create(struct worker *w, struct err *err);
void http_bridge_destroy(struct worker *w);

/* --- ops_ws.c: connections of WebSocket and JavaScript --- */

void ws_bridge_destroy(struct worker *w);
/* Connections that are not closed yet. */
size_t ws_bridge_open(const struct worker *w);
/* Says on all of them that the worker goes away. */
void ws_bridge_drain(struct worker *w);
/* --- ops_fetch.c: what JavaScript fetches --- */

void fetch_bridge_destroy(struct worker *w);
/* Fetches whose response is not complete, or not read. */
size_t fetch_bridge_running(const struct worker *w);
/* The descriptor of a file that is fetched, as fetch_files_take(). */
int fetch_bridge_take_file(struct worker *w, uint64_t id, uint64_t *ret_size);

/* --- ops_cache.c: caches on disk --- */

/* Whether --cache names a directory that can be used. */
int cache_check(struct worker *w, struct err *err);
void cache_bridge_destroy(struct worker *w);
/* Entries that are read, or written. */
size_t cache_bridge_running(const struct worker *w);

/* --- worker_serve.c --- */

/* Whether what the options say of it is an address. */
int worker_check_address(struct worker *w, struct err *err);
/* Listens and accepts; on failure the worker ends. Once. */
void worker_serve(struct worker *w);
/* `data` is the worker: fires `uninstall`, before which one that is asked to end does not end. */
void worker_uninstall(void *data);
/* Ends gracefully because of a signal, or at once when it is the second or its grace is over. */
void worker_shut_down(struct worker *w, int signal);
/* After the last request, connection or hold of one that is asked to end. */
void worker_end_if_idle(struct worker *w);
void worker_hold(struct worker *w);
void worker_unhold(struct worker *w);

/* --- say.c --- */

/* Whether text on this descriptor may be coloured. */
bool worker_colours(int fd);

/* --- typescript.c --- */

bool typescript_is(const char *name);
/* Replaces the source of the file `name` by JavaScript. */
int typescript_strip(struct worker *w, const char *name, struct buf *source, struct err *err);

/* --- repl.c --- */

#define REPL_WELCOME "aworker " TURF_VERSION ". Ctrl-C discards an input, Ctrl-D ends.\n"

/* Shows the prompt; code that is typed runs from the loop. */
int repl_open(struct worker *w, struct err *err);
void repl_close(struct worker *w);
/* Ctrl-C. */
void repl_interrupt(struct worker *w);

/* --- watch.c: nothing without --watch --- */

int watch_open(struct worker *w, struct err *err);
void watch_close(struct worker *w);
void watch_destroy(struct worker *w);
/* One more file whose change starts the worker anew. */
void watch_file(struct worker *w, const char *path);

/* --- stack_map.c --- */

/* A stack, or "FILE:LINE:COLUMN: Error ...", by source maps; malloc'd. NULL: as it is. */
char *stack_map_text(struct worker *w, const char *text);
void stack_map_forget(struct worker *w);

/* --- ops_kv.c --- */

int kv_load(struct worker *w, int *ret_code, struct err *err);
void kv_forget(struct worker *w);

/* --- report.c --- */

/* Tells who asked with this number (seed/report.h). */
void worker_report(struct worker *w, uint64_t number);
/* What it tells, as members of an object that is open. */
void report_put_members(struct worker *w, struct json_writer *j);

/* --- report_file.c: nothing without --report, or without a worker --- */

void report_of_error(struct worker *w, const char *message, const char *stack);
void report_of_signal(struct worker *w);
/* The engine may not be called any more. */
void report_of_engine(struct worker *w, const char *message);

/* --- worker_host.c: what the engine asks for --- */

extern const struct engine_host worker_host; /* without data */

/* --- modules.c: what it asks for when one file imports another --- */

int modules_resolve(
	void *data, const char *specifier, const char *referrer, char **ret_name, struct err *err);
int modules_load(void *data, const char *name, enum engine_module_type *ret_type,
	struct buf *ret_source, struct err *err);
/* What a module's source becomes by its name. */
int modules_interpret(struct worker *w, const char *name, enum engine_module_type *ret_type,
	struct buf *source, struct err *err);
/* The worker depends on that module, and starts anew when it changes and --watch says so. */
int modules_depend(struct worker *w, const char *name, struct err *err);
/* The worker depends on that file. */
int modules_remember(struct worker *w, const char *name, struct err *err);
/* Which files were loaded, and the import map. */
void modules_forget(struct worker *w);

/* --- module_reads.c: the same, while the loop is open, ahead of need and many at once --- */

int modules_prefetch(void *data, const char *name, uint64_t ticket);
void modules_prefetch_wait(void *data);
/* Those that have not arrived never will. */
void modules_prefetch_stop(struct worker *w);

#endif
