/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JavaScript engine as the rest of aworker sees it: plain C, no V8 type, no
 * exception, no STL. Everything that differs between V8 versions stays behind
 * this header (10.2 of Debian 12's libnode108, 11.3 of Debian 13's libnode115).
 *
 * One engine per process, one thread. Nothing here may be called from a signal
 * handler unless it says so. Strings are UTF-8 with an explicit length; "borrowed" means valid
 * until the callback that handed it out returns.
 *
 * JavaScript reaches C only through ops: `int op_x(struct op_call *)` in one
 * table. A V8 snapshot thus knows a single external reference, and ops can be
 * tested without V8. C reaches JavaScript through handles that JS registered
 * with op_arg_function(), or by engine_global_function().
 */
#ifndef AWORKER_V8_ENGINE_H
#define AWORKER_V8_ENGINE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The base layer is C only; what it includes itself is included above, outside of the block. */
#ifdef __cplusplus
extern "C" {
#endif

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

struct engine;
struct engine_value; /* a handle; whoever gets one gives it to engine_release() */
struct op_call;

typedef int (*op_fn)(struct op_call *call);

struct engine_op {
	const char *name; /* JS sees ops.NAME */
	op_fn fn;	  /* 0, or negative after op_throw() */
};

/* What becomes of a module's bytes: what it exports as `default`, but for a script. */
enum engine_module_type {
	ENGINE_MODULE_SCRIPT,
	ENGINE_MODULE_JSON, /* the value; the import has to assert { type: "json" } */
	ENGINE_MODULE_WASM, /* a WebAssembly.Module */
	ENGINE_MODULE_TEXT, /* a string */
	ENGINE_MODULE_DATA, /* an ArrayBuffer */
};

/* What the engine asks of its host. All callbacks run inside engine calls. */
struct engine_host {
	void *data;
	/*
	 * The name (malloc'd) of what `specifier` means in the module of that name; NULL here:
	 * there are no modules.
	 */
	int (*resolve)(void *data, const char *specifier, const char *referrer, char **ret_name,
		struct err *err);
	/* The bytes of a module by that name, asked for once each. */
	int (*load)(void *data, const char *name, enum engine_module_type *ret_type,
		struct buf *ret_source, struct err *err);
	/*
	 * Optional: begins to read that module, which goes to engine_module_arrived() with this ticket
	 * later, not from within. Negative: it cannot now, and load() is asked.
	 */
	int (*prefetch)(void *data, const char *name, uint64_t ticket);
	/* Returns when something that was begun has arrived. Goes with `prefetch`. */
	void (*prefetch_wait)(void *data);
	/*
	 * Tasks are waiting: run engine_run_task() after delay_ms (0: as soon as the loop turns).
	 * Only the earliest wish counts; engine_run_task() wishes anew for what is left.
	 */
	void (*wake)(void *data, double delay_ms);
	/*
	 * An exception or rejection that no listener took care of, as text for stderr:
	 * "worker.js:3:7: Error: ..." and the lines of the stack. Borrowed.
	 */
	void (*uncaught)(void *data, const char *message, const char *stack);
	/*
	 * V8 cannot go on (out of memory for good, or a mistake of V8). Must not return and may not
	 * call the engine. NULL: the sentence goes to stderr, then abort().
	 */
	void (*fatal)(void *data, const char *message);
};

struct engine_source;

struct engine_options {
	const struct engine_op *ops; /* ends with a NULL name; order is part of the snapshot */
	struct engine_host host;
	/*
	 * The platform's scripts, where engine_bootstrap() takes them from. Must outlive the engine:
	 * text in ASCII is not copied, and a snapshot refers to it.
	 */
	const struct engine_source *sources;
	size_t n_sources;
	const void
		*snapshot; /* startup snapshot, NULL to run the sources; must outlive the engine */
	size_t snapshot_len;
	size_t heap_limit; /* bytes, 0 for V8's choice; see engine_set_heap_limit() */
};

/* A classic script of the platform: aworker/js/NAME, compiled into the executable. */
struct engine_source {
	const char *name; /* in stack traces it is ENGINE_PLATFORM_PREFIX NAME */
	const char *text;
	size_t len;
	bool lazy; /* its functions are compiled when they are called first */
};

#define ENGINE_PLATFORM_PREFIX "aworker:"

/* --- life cycle --- */

/* -EINVAL when options->snapshot does not fit (engine_snapshot_fits()). */
int engine_create(const struct engine_options *options, struct engine **ret, struct err *err);
/* Accepts NULL. Asserts that every handle was released. */
void engine_destroy(struct engine *e);
/*
 * Leaves it for another one of this process. It is never used again, and stays where it is: copies of
 * a seed share its memory as long as nobody cleans it up.
 */
void engine_abandon(struct engine *e);
/*
 * Runs one platform script. It is wrapped as `function (ops, internals) { ... }`: `ops` is the op
 * table, `internals` one object shared by all platform scripts and invisible to users.
 */
int engine_bootstrap(struct engine *e, const struct engine_source *source, struct err *err);
/*
 * An engine that can become a startup snapshot, with options->sources bootstrapped. Code that it
 * compiles stays bytecode.
 */
int engine_create_for_snapshot(
	const struct engine_options *options, struct engine **ret, struct err *err);
/*
 * Ends such an engine and returns its startup snapshot (malloc'd): all that JavaScript can reach.
 * -EBUSY when the host still has a handle; -ENOTSUP, with where it is, when JavaScript holds what V8
 * cannot keep: something of WebAssembly or Intl.
 */
int engine_snapshot_take(struct engine *e, void **ret_blob, size_t *ret_len, struct err *err);
/*
 * False when the blob was made by another V8, another set of flags, another op table, or of other
 * sources (by name and length). It holds bytecode and no machine code, so it does not depend on
 * the CPU.
 */
bool engine_snapshot_fits(const struct engine_options *options, const void *blob, size_t len);
const char *engine_version(void);
/* Who could use a snapshot that an engine of these options makes: engine_snapshot_fits() in a number. */
uint64_t engine_fingerprint(const struct engine_options *options);
/*
 * More flags for V8, as in "--stress-scavenge=1 --trace-opt", before the first engine is made. A
 * snapshot made without them does not fit when they change what V8 compiles. Unknown ones are
 * V8's to complain about. For tests and for people who look into V8.
 */
void engine_set_flags(const char *flags);

/* Of a stack, what JavaScript leaves to V8's own C++ (the compiler, regular expressions, ICU). */
#define ENGINE_STACK_RESERVE ((size_t)256 << 10)

/*
 * The stack that JavaScript runs on from now on, `low` being its lowest usable address. Deeper
 * recursion is a RangeError. Without this call V8 takes 984 KiB of the stack that created it.
 */
void engine_use_stack(struct engine *e, void *low);
/*
 * How far the heap, and once more ArrayBuffers with memories of WebAssembly, may grow, in bytes: more
 * or less than options.heap_limit, for a copy with another share of memory than its seed; 0: as far as
 * when the engine was made. What lives already, and a quarter of it more, is always allowed. An
 * ArrayBuffer or a memory that would be too large is a RangeError. Beyond the limit the running
 * JavaScript is stopped and engine_out_of_memory() is true from then on: the host ends the worker.
 */
void engine_set_heap_limit(struct engine *e, size_t bytes);
bool engine_out_of_memory(const struct engine *e);

/* In bytes. */
struct engine_memory {
	size_t heap_used, heap_committed, heap_limit;
	size_t buffers; /* what ArrayBuffers hold, which is not of the heap */
	size_t native;	/* what V8 has allocated elsewhere */
};
void engine_measure(struct engine *e, struct engine_memory *ret);
/* Objects of JavaScript keep `change` bytes more alive than before that are not V8's. */
void engine_external_memory(struct engine *e, int64_t change);

/* Of space number i; false: there are fewer. */
struct engine_heap_space {
	const char *name;	      /* V8's */
	size_t size, used, available; /* in bytes */
};
bool engine_measure_space(struct engine *e, size_t i, struct engine_heap_space *ret);

/* The name of the file that a startup snapshot was made of, which its code is told as its own. */
void engine_set_main(struct engine *e, const char *name);
/* Whether the main module still waits at a top-level await. */
bool engine_main_pending(const struct engine *e);

/* --- around a fork: nothing of V8 runs between the two --- */

/* Last act before the fork point: collect garbage, keep code, leave no task pending. */
void engine_fork_prepare(struct engine *e);

/*
 * The same, but only the young generation is collected: a full collection throws optimised code
 * away together with the objects that it was made for.
 */
void engine_fork_prepare_warm(struct engine *e);
/*
 * First act of a copy: fresh Math.random, time zone and locale told anew when the environment has
 * others. Hash seeds of strings and Maps stay those of the seed.
 */
int engine_fork_child(struct engine *e, struct err *err);
/*
 * Gives the context a Math.random of its own, fed by getrandom(2). engine_create() does so where
 * V8's cannot be reseeded; calling it elsewhere only makes Math.random slower.
 */
int engine_replace_random(struct engine *e, struct err *err);
/* Tells V8 and ICU the time zone anew, after the environment or /etc/localtime changed. */
void engine_time_zone_changed(struct engine *e);
/*
 * Forks a trial copy and runs JavaScript, the compiler and the garbage collector in it. An error
 * means that copies of this process would die, so a seed must not say that it is ready.
 */
int engine_self_test_fork(struct engine *e, struct err *err);

/* --- running code --- */

/*
 * Runs a user's script (classic when it compiles as one and is not called *.mjs, else as a
 * module). `name` is used in stack traces, as the base of its imports and for import.meta.url.
 * Top-level await is driven by the caller's loop. An exception becomes err:
 * "worker.js:3:7: SyntaxError: ..."; the stack goes to *ret_stack (malloc'd, may become NULL;
 * ret_stack may be NULL). When the code was stopped err->code is EINTR, or ENOMEM beyond the heap
 * limit. When all has run, internals.mainLoaded(namespace) is called (undefined
 * for a classic script); a rejected top-level await goes to host.uncaught.
 */
int engine_eval(struct engine *e, const char *name, const char *text, size_t len, char **ret_stack,
	struct err *err);
/*
 * The same up to where it would run: compiled, and what it imports is loaded and linked. Errors as
 * those of engine_eval().
 */
int engine_check(struct engine *e, const char *name, const char *text, size_t len, char **ret_stack,
	struct err *err);
/*
 * What host.prefetch() has begun: the bytes of a module, borrowed, or NULL where they cannot be
 * had; load() says then why. An import() that waited for nothing else runs now.
 */
void engine_module_arrived(
	struct engine *e, uint64_t ticket, enum engine_module_type type, const struct buf *source);
/*
 * Code from a prompt: the promise of its value goes to internals.replResult(promise), as a box
 * with the member ".repl_result". -EAGAIN when more has to follow; errors else as engine_eval().
 */
int engine_repl(struct engine *e, const char *text, size_t len, char **ret_stack, struct err *err);
/*
 * A script of the host whose value is a function (text) => text, in a context of its own; there is
 * one at a time. What it throws is the error, without a place.
 */
int engine_load_tool(
	struct engine *e, const char *name, const char *text, size_t len, struct err *err);
bool engine_has_tool(const struct engine *e);
/* Appends the result to *ret. There has to be a tool. */
int engine_use_tool(
	struct engine *e, const char *text, size_t len, struct buf *ret, struct err *err);
void engine_drop_tool(struct engine *e);
/*
 * Calls fn(...argv) without a `this`, at most ENGINE_ARGS_MAX of them. An uncaught exception goes to
 * internals.reportException(error); when that does not return true, to host.uncaught. Returns
 * negative when the call threw or was terminated.
 */
int engine_call(
	struct engine *e, struct engine_value *fn, int argc, struct engine_value *const *argv);
/* A value that is made for one call. Everything is copied. */
struct engine_arg {
	enum engine_arg_type { ENGINE_ARG_NUMBER, ENGINE_ARG_BOOL, ENGINE_ARG_LATIN1 } type;
	double number; /* or bool */
	const char *text;
	size_t len;
};
#define ENGINE_ARGS_MAX 8
/* The same with values that need no handles. -ENOMEM when one cannot be made. */
int engine_call_args(
	struct engine *e, struct engine_value *fn, int argc, const struct engine_arg *args);
/* A global function of the platform, by name in `internals`; NULL when there is none. */
struct engine_value *engine_internal_function(struct engine *e, const char *name);
/*
 * Runs the microtasks, then reports each unhandled rejection: internals.reportRejection(promise,
 * reason), and host.uncaught when that does not return true. A promise that gets its handler after
 * that goes to internals.rejectionHandled(promise, reason).
 */
void engine_pump(struct engine *e);
/* Runs one posted platform task; true when another is due now. */
bool engine_run_task(struct engine *e);
/*
 * Stops the running JavaScript as soon as it can; what called it returns negative and says nothing
 * to the host. When none runs, the next call is stopped. async-signal-safe.
 */
void engine_terminate(struct engine *e);

/*
 * --- interrupting JavaScript from a signal handler ---
 * engine_find_code() comes first, in each process.
 */

/* Stays where it is as long as the engine: a request that no JavaScript has heeded is kept. */
struct engine_interruption {
	void (*fn)(void *data);
	void *data;
};
void engine_find_code(struct engine *e);
/*
 * Whether the program counter is in code that V8 has made or brought, and so neither in malloc() nor
 * in V8's own C++. async-signal-safe.
 */
bool engine_is_in_code(struct engine *e, uintptr_t pc);
/*
 * Has it called as soon as the running JavaScript lets it; there engine_inspector_message() and
 * engine_where() may be called. Only from a signal handler that engine_is_in_code() allows.
 */
void engine_interrupt(struct engine *e, struct engine_interruption *what);
/*
 * Where JavaScript is: the user's own place of it, "w.js:1:2", perhaps "", and the lines of the stack,
 * "    at f (w.js:1:2)". malloc'd.
 */
void engine_where(struct engine *e, char **ret_place, char **ret_stack);

/*
 * --- the debugger: sessions of the Chrome DevTools Protocol ---
 * Nothing of it is there before engine_inspector_open(). Afterwards console calls, uncaught errors
 * and scripts are told to the sessions, and to the host as before.
 */

struct engine_inspector_host {
	void *data;
	/* A message to the client of a session: JSON in ASCII. Borrowed. */
	void (*send)(void *data, uint32_t session, const char *json, size_t len);
	/*
	 * JavaScript stands still. To return only after resume(), which comes from within
	 * engine_inspector_message() or engine_inspector_disconnect(): until then nothing else of
	 * the engine may be called.
	 */
	void (*pause)(void *data);
	void (*resume)(void *data);
	/* A client says that a worker which waits for it may run. */
	void (*run)(void *data);
	/* engine_inspector_tick() is wanted that often; 0: no longer. */
	void (*tick_every)(void *data, double ms);
	/* Whether calls of console are told to the sessions; the last thousand are kept for later ones. */
	bool console;
};

/* `title`: what the client calls the only context. The host is copied. */
void engine_inspector_open(
	struct engine *e, const struct engine_inspector_host *host, const char *title);
/* Ends all sessions. Nothing happens when it is not open. */
void engine_inspector_close(struct engine *e);
/* The numbers of sessions are the host's. */
void engine_inspector_connect(struct engine *e, uint32_t session);
void engine_inspector_disconnect(struct engine *e, uint32_t session);
/* Carries out a message of the client (JSON in UTF-8); it may run JavaScript, and pause in it. */
void engine_inspector_message(struct engine *e, uint32_t session, const char *json, size_t len);
/* The next statement of JavaScript is a breakpoint. */
void engine_inspector_break(struct engine *e);
/* Tells the clients that no JavaScript will run any more. */
void engine_inspector_finished(struct engine *e);
void engine_inspector_tick(struct engine *e);
/* For asynchronous stacks: `task` was scheduled now, begins, ends, will never come. */
void engine_async_scheduled(struct engine *e, const char *name, uintptr_t task);
void engine_async_started(struct engine *e, uintptr_t task);
void engine_async_finished(struct engine *e, uintptr_t task);
void engine_async_canceled(struct engine *e, uintptr_t task);

/*
 * --- values for engine_call(): new handles, to be released ---
 * NULL only where a string or a buffer is too large; engine_release() accepts NULL.
 */

struct engine_value *engine_undefined(struct engine *e);
struct engine_value *engine_number(struct engine *e, double v);
struct engine_value *engine_bool(struct engine *e, bool v);
struct engine_value *engine_string(struct engine *e, const char *utf8, size_t len);
struct engine_value *engine_latin1(struct engine *e, const char *bytes, size_t len);
/* A new Uint8Array holding a copy. */
struct engine_value *engine_bytes(struct engine *e, const void *data, size_t len);
/* One that lies in `data`, which is malloc'ed and the engine's from now on, failing included. */
struct engine_value *engine_bytes_given(struct engine *e, void *data, size_t len);
/* An array of byte strings (Latin-1): names and values of headers in turn. */
struct engine_value *engine_latin1_array(
	struct engine *e, const char *const *strings, const size_t *lens, size_t n);
void engine_release(struct engine *e, struct engine_value *v);

/* --- inside an op --- */

struct engine *op_engine(struct op_call *call);
void *op_data(struct op_call *call); /* engine_options.host.data */
int op_argc(const struct op_call *call);
/* Each reads argument i; a missing or wrong one throws TypeError and returns negative. */
int op_arg_i64(struct op_call *call, int i, int64_t *ret);
int op_arg_f64(struct op_call *call, int i, double *ret);
int op_arg_bool(struct op_call *call, int i, bool *ret);
/* Borrowed; lone surrogates become U+FFFD. */
int op_arg_string(struct op_call *call, int i, const char **ret, size_t *ret_len);
/* Borrowed; the low byte of each code unit; TypeError above U+00FF. */
int op_arg_latin1(struct op_call *call, int i, const char **ret, size_t *ret_len);
/* Borrowed memory of an ArrayBuffer or a view, writable; no JS may run while it is used. */
int op_arg_bytes(struct op_call *call, int i, uint8_t **ret, size_t *ret_len);
/* The memory of argument i, an ArrayBuffer or a view, is given back now; its length is 0 then. */
void op_arg_drop_bytes(struct op_call *call, int i);
/* Borrowed: array of strings as Latin-1, `n` pointers. */
int op_arg_latin1_array(struct op_call *call, int i, const char *const **ret,
	const size_t **ret_lens, size_t *ret_n);
/* A handle that the op keeps. */
int op_arg_value(struct op_call *call, int i, struct engine_value **ret);
int op_arg_function(struct op_call *call, int i, struct engine_value **ret);
bool op_arg_is_nullish(struct op_call *call, int i);
bool op_arg_is_string(struct op_call *call, int i);

void op_ret_bool(struct op_call *call, bool v);
void op_ret_f64(struct op_call *call, double v);
void op_ret_string(struct op_call *call, const char *utf8, size_t len);
void op_ret_latin1(struct op_call *call, const char *bytes, size_t len);
void op_ret_bytes(struct op_call *call, const void *data, size_t len);
void op_ret_bytes_given(struct op_call *call, void *data, size_t len); /* engine_bytes_given() */
void op_ret_value(struct op_call *call, struct engine_value *v); /* the caller still releases v */
void op_ret_f64_array(struct op_call *call, const double *v, size_t n);

/* `type` is "Error", "TypeError", "RangeError" or "SyntaxError". Returns -1. */
int op_throw(struct op_call *call, const char *type, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * What argument i is behind its prototype, without running any JavaScript: what console and
 * structuredClone() need to tell objects apart (aworker/v8/kind.cc).
 */
enum engine_kind {
	ENGINE_KIND_PRIMITIVE,
	ENGINE_KIND_OBJECT, /* an ordinary object, an instance of a class of JavaScript too */
	ENGINE_KIND_ARRAY,
	ENGINE_KIND_FUNCTION,
	ENGINE_KIND_ERROR,
	ENGINE_KIND_DATE,
	ENGINE_KIND_REGEXP,
	ENGINE_KIND_MAP,
	ENGINE_KIND_SET,
	ENGINE_KIND_BUFFER, /* ArrayBuffer, SharedArrayBuffer */
	ENGINE_KIND_VIEW,
	ENGINE_KIND_BOXED, /* new Number(1), Object(Symbol()) ... */
	ENGINE_KIND_PROMISE,
	ENGINE_KIND_PROXY,
	ENGINE_KIND_WEAK,      /* WeakMap, WeakSet */
	ENGINE_KIND_ITERATOR,  /* of a Map or Set */
	ENGINE_KIND_NAMESPACE, /* of a module */
	ENGINE_KIND_ARGUMENTS,
	ENGINE_KIND_OTHER, /* generators, WeakRef, WebAssembly objects, ... */
};
enum engine_kind op_arg_kind(struct op_call *call, int i);
/*
 * Result: what is inside argument i. Promise: [0 pending | 1 fulfilled | 2 rejected, value];
 * Proxy: [target, handler]; Map or Set or an iterator of one: its remaining entries in a flat
 * array; else undefined.
 */
void op_ret_inside(struct op_call *call, int i);
/*
 * Result: an array of the own keys of argument i, an object, that are no indexes; `hidden`: those
 * that are not enumerable too. Costs nothing for the elements of an array.
 */
void op_ret_named_keys(struct op_call *call, int i, bool hidden);

/*
 * One value that V8 keeps beside each reaction of a promise and brings back while that reaction
 * runs, also behind await. A call from C and what a turn of microtasks begins with start with
 * null once it was set, with undefined before.
 */
void op_ret_continuation(struct op_call *call);
void op_set_continuation(struct op_call *call, int i);

/*
 * structuredClone of argument i (transfer list: an array, argument `transfer_i`, -1 for none) as
 * the result. What cannot be cloned or transferred throws internals.dataCloneError(message), an
 * Error where the platform has no such function. Platform objects are plain objects to V8: it is
 * the platform's JavaScript that refuses or unwraps them.
 */
int op_ret_structured_clone(struct op_call *call, int i, int transfer_i);

#ifdef __cplusplus
}
#endif

#endif
