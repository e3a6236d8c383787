/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a worker; see worker.h.
 *
 * JavaScript runs in three places: the user's file, the loop's callbacks, and the
 * microtasks behind each of them (`after`). Whatever ends the worker sets a code
 * and stops the loop; nothing below ever calls exit().
 */
#include "aworker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aworker/aio/aio.h"
#include "aworker/aio/aio_file.h"
#include "aworker/builtin.h"
#include "aworker/env_file.h"
#include "aworker/inspect/inspect.h"
#include "aworker/limits.h"
#include "aworker/module/import_map.h"
#include "aworker/module/module_path.h"
#include "aworker/ops/ops.h"
#include "aworker/profile.h"
#include "aworker/signals.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* When memory is given back, and how large a file is worth it. */
#define TIDY_AFTER_NS	(200 * UINT64_C(1000000))
#define TIDY_SOURCE_MIN (64 << 10)

/* --- create, destroy --- */

static int bootstrap(struct worker *w, struct err *err)
{
	for (size_t i = 0; i < builtin_n_sources; i++) {
		int r = engine_bootstrap(w->engine, &builtin_sources[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

struct engine_options worker_engine_options(struct worker *w)
{
	struct engine_options options = {.ops = ops_table(),
		.host = worker_host,
		.sources = builtin_sources,
		.n_sources = builtin_n_sources};

	options.host.data = w;
	return options;
}

/* The user's, or the one that is built in and may be of another V8. */
static void choose_snapshot(struct worker *w, struct engine_options *options)
{
	if (w->snapshot.data) {
		options->snapshot = w->snapshot.blob;
		options->snapshot_len = w->snapshot.len;
	} else if (builtin_snapshot_len > 0 && !w->options.no_snapshot &&
		   engine_snapshot_fits(options, builtin_snapshot, builtin_snapshot_len)) {
		options->snapshot = builtin_snapshot;
		options->snapshot_len = builtin_snapshot_len;
	}
}

int worker_create(struct worker *w, struct err *err)
{
	struct engine_options options = worker_engine_options(w);
	int r;

	if (!options.ops)
		return err_oom(err);
	if (w->options.v8_options)
		engine_set_flags(w->options.v8_options);
	choose_snapshot(w, &options);
	r = w->options.build_snapshot ? engine_create_for_snapshot(&options, &w->engine, err)
				      : engine_create(&options, &w->engine, err);
	if (r < 0)
		return r;
	engine_use_stack(w->engine, w->stack_low);
	if (w->snapshot.data)
		engine_set_main(w->engine, w->name);
	r = options.snapshot || w->options.build_snapshot ? 0 : bootstrap(w, err);
	if (r < 0)
		worker_destroy(w);
	return r;
}

void worker_destroy(struct worker *w)
{
	worker_close(w);
	engine_destroy(w->engine);
	w->engine = NULL;
	snapshot_file_finish(&w->snapshot);
	buf_finish(&w->source);
	watch_destroy(w);
	stack_map_forget(w);
	free(w->name);
	w->name = NULL;
	strv_free(w->own_env);
	w->own_env = NULL;
	kv_forget(w);
	modules_forget(w);
}

/* --- load --- */

static int load_file(struct worker *w, const char *path, struct err *err)
{
	char *data;
	size_t len;
	int r = aio_file_read(path, WORKER_FILE_MAX, &data, &len, err);

	if (r < 0)
		return r;
	w->source = (struct buf){.data = data, .len = len, .cap = len + 1};
	w->name = module_path_absolute(path);
	return w->name ? 0 : err_oom(err);
}

static int load_code(struct worker *w, const char *code, struct err *err)
{
	buf_puts(&w->source, code);
	w->name = strdup("[eval]");
	return buf_failed(&w->source) || !w->name ? err_oom(err) : 0;
}

static int load_env_file(struct worker *w, struct err *err)
{
	strv_free(w->own_env);
	w->own_env = NULL;
	if (!w->options.env_file)
		return 0;
	if (env_file_load(w->options.env_file, w->env, &w->own_env, err) < 0)
		return -err->code;
	w->env = (const char *const *)w->own_env;
	return 0;
}

int worker_load(struct worker *w, const struct worker_options *options, const char *const *env,
	int *ret_code, struct err *err)
{
	int r;

	w->options = *options;
	w->env = env;
	*ret_code = WORKER_EXIT_FILE;
	if (worker_check_address(w, err) < 0) {
		*ret_code = WORKER_EXIT_USAGE;
		return -EINVAL;
	}
	r = options->code   ? load_code(w, options->code, err)
	    : options->file ? load_file(w, options->file, err)
			    : 0; /* a startup snapshot has it */
	if (r == 0 && options->import_map)
		r = import_map_load(options->import_map, &w->import_map, err);
	if (r == 0)
		r = load_env_file(w, err);
	if (r == 0)
		r = cache_check(w, err);
	return r < 0 ? r : kv_load(w, ret_code, err);
}

/* --- open, close --- */

static void on_after(void *data)
{
	struct worker *w = data;

	if (!limits_reached(w))
		engine_pump(w->engine);
	limits_task_done();
	if (engine_out_of_memory(w->engine))
		worker_exit(w, WORKER_EXIT_ENGINE);
	(void)limits_reached(w);
	if (signals_overdue())
		worker_shut_down(w, signals_last());
}

static void on_task(void *data)
{
	struct worker *w = data;

	while (engine_run_task(w->engine))
		;
}

/* As PID 1 of a container: children that others left behind. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void on_child(void *data UNUSED, int signal UNUSED)
{
	reap();
}

static int watch_signals(struct worker *w, struct err *err)
{
	sigset_t set;

	/* A client or a reader of our output that goes away is no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	if (signals_open(w, err) < 0)
		return -err->code;
	if (getpid() != 1)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (loop_watch_signals(&w->loop, &set, on_child, w, err) < 0)
		return -err->code;
	/* Who ended before the signal was watched will not be told of again. */
	reap();
	return 0;
}

static void set_time_origin(struct worker *w)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	w->origin_ns = loop_clock_ns();
	w->time_origin_ms = (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What a compiler has used and left free is a megabyte for each process that loads a large file. */
static void on_tidy(void *data)
{
	(void)data;
	malloc_trim(0);
}

/* Everything but the timers. */
static int open_process(struct worker *w, struct err *err)
{
	int r = loop_init(&w->loop, err);

	if (r < 0)
		return r;
	loop_set_after(&w->loop, on_after, w);
	w->task_timer = (struct loop_timer){.fn = on_task, .data = w};
	w->delayed_timer = (struct loop_timer){.fn = on_task, .data = w, .background = true};
	w->tidy_timer = (struct loop_timer){.fn = on_tidy, .data = w, .background = true};
	w->listener = (struct http_listener)HTTP_LISTENER_INIT;
	w->http = NULL;
	w->ws = NULL;
	w->holds = 0;
	w->n_reports = 0;
	w->exit_code = WORKER_EXIT_OK;
	w->exiting = w->drained = w->uninstalled = false;
	w->uninstall = (struct loop_deferred){.fn = worker_uninstall, .data = w};
	w->rest = REST_NOT_WANTED;
	w->signal = 0;
	set_time_origin(w);
	if (limits_open(w, err) < 0 || watch_signals(w, err) < 0 || watch_open(w, err) < 0)
		return -err->code;
	if (w->options.repl && repl_open(w, err) < 0)
		return -err->code;
	return http_bridge_create(w, err);
}

int worker_open(struct worker *w, struct err *err)
{
	if (open_process(w, err) < 0 || timer_table_create(w, err) < 0) {
		worker_close(w);
		return -err->code;
	}
	return 0;
}

static void close_process(struct worker *w)
{
	ws_bridge_destroy(w);
	http_server_destroy(w->http);
	w->http = NULL;
	http_listener_finish(&w->listener);
	http_bridge_destroy(w);
	fetch_bridge_destroy(w);
	cache_bridge_destroy(w);
	modules_prefetch_stop(w);
	aio_destroy(w->aio);
	w->aio = NULL;
	loop_timer_stop(&w->loop, &w->task_timer);
	loop_timer_stop(&w->loop, &w->delayed_timer);
	loop_timer_stop(&w->loop, &w->tidy_timer);
	repl_close(w);
	watch_close(w);
	signals_close(w);
	limits_close();
	loop_close(&w->loop);
}

void worker_close(struct worker *w)
{
	if (!loop_is_open(&w->loop))
		return;
	timer_table_destroy(w);
	close_process(w);
}

/* --- run --- */

int worker_call(struct worker *w, struct engine_value *fn, int argc, struct engine_value **argv)
{
	int r = 0;

	for (int i = 0; i < argc; i++) {
		if (!argv[i])
			r = -ENOMEM;
	}
	if (fn && r == 0)
		r = engine_call(w->engine, fn, argc, argv);
	for (int i = 0; i < argc; i++)
		engine_release(w->engine, argv[i]);
	return r;
}

int worker_call_number(struct worker *w, struct engine_value *fn, double v)
{
	struct engine_value *arg = engine_number(w->engine, v);

	return worker_call(w, fn, 1, &arg);
}

int worker_aio(struct worker *w, struct aio **ret, struct err *err)
{
	if (!w->aio && aio_create(&w->loop, &w->aio, err) < 0)
		return -err->code;
	*ret = w->aio;
	return 0;
}

void worker_call_internal(struct worker *w, const char *name)
{
	struct engine_value *fn = engine_internal_function(w->engine, name);

	if (!fn)
		return;
	engine_call(w->engine, fn, 0, NULL);
	engine_release(w->engine, fn);
	on_after(w);
}

static int strip_main(struct worker *w, struct err *err)
{
	return w->options.file && typescript_is(w->name)
		       ? typescript_strip(w, w->name, &w->source, err)
		       : 0;
}

static void run_main(struct worker *w)
{
	_cleanup_free_ char *stack = NULL;
	struct err err = ERR_INIT;
	int r = strip_main(w, &err);

	if (w->source.len >= TIDY_SOURCE_MIN)
		loop_timer_start(&w->loop, &w->tidy_timer, TIDY_AFTER_NS);
	if (r == 0)
		r = engine_eval(w->engine, w->name, w->source.data ? w->source.data : "",
			w->source.len, &stack, &err);
	/* V8 has its own copy, and what is imported later is rarely TypeScript. */
	buf_finish(&w->source);
	engine_drop_tool(w->engine);
	if (r < 0 && !limits_reached(w) && !w->exiting && !signals_overdue()) {
		worker_say_error(w, err.msg, stack);
		report_of_error(w, err.msg, stack);
		worker_exit(w, err.code == ENOMEM ? WORKER_EXIT_ENGINE : WORKER_EXIT_ERROR);
	}
	on_after(w);
}

int worker_check(struct worker *w)
{
	_cleanup_free_ char *stack = NULL;
	struct err err = ERR_INIT;

	if (strip_main(w, &err) == 0 &&
		engine_check(w->engine, w->name, w->source.data ? w->source.data : "",
			w->source.len, &stack, &err) == 0)
		return WORKER_EXIT_OK;
	worker_say_error(w, err.msg, stack);
	return err.code == ENOMEM ? WORKER_EXIT_ENGINE : WORKER_EXIT_ERROR;
}

/* --- state images --- */

static int run_until(struct worker *w, enum worker_rest rest, struct err *err)
{
	if (w->exiting || w->rest >= rest || loop_run(&w->loop, err) < 0)
		return -err->code;
	return 0;
}

static void on_overdue(void *data)
{
	loop_stop(data);
}

static int serialize(struct worker *w, struct err *err)
{
	struct loop_timer limit = {.fn = on_overdue, .data = &w->loop, .background = true};
	int r;

	/* Now, and not after the event: code that its listeners warmed up is to stay. */
	engine_fork_prepare(w->engine);
	if (loop_timer_start(&w->loop, &limit, (uint64_t)WORKER_SERIALIZE_MS * 1000000) < 0)
		return err_oom(err);
	worker_call_internal(w, "serialize");
	r = run_until(w, REST_REACHED, err);
	loop_timer_stop(&w->loop, &limit);
	/* A response that nobody can read any more ends its fetch when it is collected. */
	if (r == 0 && fetch_bridge_running(w) > 0)
		engine_fork_prepare(w->engine);
	return r;
}

static const char *why_no_rest(const struct worker *w)
{
	if (w->exiting)
		return "its code ended or failed before it served";
	/* An image is known by the file that it was made of. */
	if (w->n_files > 0)
		return "it imports or fetches files, which could change unseen: bundle them into "
		       "one";
	if (w->rest == REST_WANTED)
		return "it has no fetch handler, so there is nothing to start later";
	if (w->rest == REST_SERVES)
		return "what listens to 'serialize' did not settle in time";
	if (fetch_bridge_running(w) > 0)
		return "a fetch is running, an EventSource is open, or the body of a response "
		       "was not read";
	if (cache_bridge_running(w) > 0)
		return "a cached response was not read, or one is being cached";
	if (ws_bridge_open(w) > 0)
		return "a WebSocket is open";
	return w->holds > 0 ? "a promise given to waitUntil() is pending" : NULL;
}

int worker_run_to_rest(struct worker *w, struct err *err)
{
	const char *why;

	w->rest = REST_WANTED;
	worker_call_internal(w, "started");
	if (w->options.build_snapshot)
		worker_call_internal(w, "beginSnapshot");
	if (!w->exiting)
		run_main(w);
	if (run_until(w, REST_SERVES, err) < 0)
		return -err->code;
	if (w->rest == REST_SERVES && !w->exiting && serialize(w, err) < 0)
		return -err->code;
	why = why_no_rest(w);
	return why ? err_say(err, EINVAL, "%s", why) : 0;
}

void worker_end_snapshot(struct worker *w)
{
	worker_call_internal(w, "endSnapshot");
}

void worker_suspend(struct worker *w)
{
	timer_table_suspend(w);
	close_process(w);
}

int worker_resume(struct worker *w, const struct worker_options *options, const char *const *env,
	struct err *err)
{
	w->options = *options;
	w->env = env;
	if (load_env_file(w, err) < 0 || cache_check(w, err) < 0)
		return -err->code;
	if (open_process(w, err) < 0 || timer_table_resume(w, err) < 0) {
		worker_close(w);
		return -err->code;
	}
	return 0;
}

static int run_to_end(struct worker *w)
{
	struct err err = ERR_INIT;

	if (!w->exiting && loop_run(&w->loop, &err) < 0) {
		worker_say("%s", err.msg);
		worker_exit(w, WORKER_EXIT_ERROR);
	}
	return w->exit_code;
}

static void open_tools(struct worker *w)
{
	struct err err = ERR_INIT;

	if (inspect_open(w, &err) < 0) {
		worker_say("%s", err.msg);
		worker_exit(w, WORKER_EXIT_LISTEN);
	} else if (profile_open(w, &err) < 0) {
		worker_say("%s", err.msg);
		worker_exit(w, WORKER_EXIT_ENGINE);
	}
}

static void close_tools(struct worker *w)
{
	profile_close(w);
	inspect_close(w);
}

static int run_made(struct worker *w, const char *how)
{
	open_tools(w);
	if (!w->exiting)
		inspect_wait(w);
	if (!w->exiting)
		worker_call_internal(w, how);
	run_to_end(w);
	close_tools(w);
	return w->exit_code;
}

int worker_run_resumed(struct worker *w)
{
	return run_made(w, "resumed");
}

int worker_run(struct worker *w)
{
	if (w->snapshot.data)
		return run_made(w, "restored");
	worker_call_internal(w, "started");
	if (!w->exiting)
		open_tools(w);
	if (!w->exiting)
		inspect_wait(w);
	if (!w->exiting)
		run_main(w);
	run_to_end(w);
	if (!w->exiting && w->options.must_serve) {
		worker_say("%s: it has no fetch handler, so there is nothing to serve", w->name);
		worker_exit(w, WORKER_EXIT_ERROR);
	}
	close_tools(w);
	/* Nothing is left that could settle it. */
	if (!w->exiting && engine_main_pending(w->engine)) {
		worker_say("%s: a top-level await never settled", w->name);
		worker_exit(w, WORKER_EXIT_ERROR);
	}
	return w->exit_code;
}

void worker_exit(struct worker *w, int code)
{
	if (w->exiting)
		return;
	w->exiting = true;
	w->exit_code = code;
	loop_stop(&w->loop);
}

void worker_warm_up(struct worker *w)
{
	struct err err;

	worker_call_internal(w, "warmUp");
	loop_run(&w->loop, &err);
}
