/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops about the worker itself: its command line and environment, its clock, its
 * end, and text for the console. While a startup snapshot is made there is no
 * worker: what only reads gives empty answers, what acts does nothing.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "aworker/module/module_path.h"
#include "aworker/ops/ops.h"
#include "aworker/signals.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

static int op_worker_serve(struct op_call *call)
{
	struct worker *w = op_data(call);

	if (w && loop_is_open(&w->loop))
		worker_serve(w);
	return 0;
}

/* workerRest(): whether it is to become a state image or a startup snapshot instead of serving */
static int op_worker_rest(struct op_call *call)
{
	struct worker *w = op_data(call);
	bool wanted = w && loop_is_open(&w->loop) && w->rest != REST_NOT_WANTED;

	if (wanted) {
		w->rest = REST_SERVES;
		loop_stop(&w->loop);
	}
	op_ret_bool(call, wanted);
	return 0;
}

static int op_worker_at_rest(struct op_call *call)
{
	struct worker *w = op_data(call);

	if (w && loop_is_open(&w->loop) && w->rest == REST_SERVES) {
		w->rest = REST_REACHED;
		loop_stop(&w->loop);
	}
	return 0;
}

static int op_worker_exit(struct op_call *call)
{
	struct worker *w = op_data(call);
	int64_t code;

	if (op_arg_i64(call, 0, &code) < 0)
		return -1;
	if (w && loop_is_open(&w->loop))
		worker_exit(w, (int)(code & 0xff));
	return 0;
}

static int op_worker_hold(struct op_call *call)
{
	struct worker *w = op_data(call);

	if (w && loop_is_open(&w->loop))
		worker_hold(w);
	return 0;
}

static int op_worker_unhold(struct op_call *call)
{
	struct worker *w = op_data(call);

	if (w && loop_is_open(&w->loop))
		worker_unhold(w);
	return 0;
}

/* One string, each part ended by NUL. */
static int ret_vector(struct op_call *call, const char *const *v)
{
	struct buf b = BUF_INIT;

	for (; v && *v; v++)
		buf_put(&b, *v, strlen(*v) + 1);
	if (buf_failed(&b)) {
		buf_finish(&b);
		return op_throw(call, "RangeError", "out of memory");
	}
	op_ret_string(call, b.data ? b.data : "", b.len);
	buf_finish(&b);
	return 0;
}

static int op_worker_args(struct op_call *call)
{
	struct worker *w = op_data(call);

	return ret_vector(call, w ? w->options.args : NULL);
}

static int op_worker_env(struct op_call *call)
{
	struct worker *w = op_data(call);

	return ret_vector(call, w ? w->env : NULL);
}

static int op_worker_location(struct op_call *call)
{
	struct worker *w = op_data(call);
	const char *location = w && w->options.location ? w->options.location : "";

	op_ret_string(call, location, strlen(location));
	return 0;
}

static int op_worker_file(struct op_call *call)
{
	struct worker *w = op_data(call);
	_cleanup_free_ char *url = NULL;

	if (w && w->options.file && w->name)
		url = module_path_url(w->name);
	op_ret_string(call, url ? url : "", url ? strlen(url) : 0);
	return 0;
}

static int op_version(struct op_call *call)
{
	op_ret_string(call, TURF_VERSION, strlen(TURF_VERSION));
	return 0;
}

/*
 * Waits for a pipe that somebody made non-blocking: console output is not lost. But a
 * worker that has to end does not wait for a reader that has stopped.
 */
static void write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (n > 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR) || signals_overdue())
			return;
		if (errno == EAGAIN && poll(&p, 1, -1) < 0 && signals_overdue())
			return;
	}
}

static int op_write(struct op_call *call)
{
	const char *text;
	size_t len;
	int64_t fd;

	if (op_arg_i64(call, 0, &fd) < 0 || op_arg_string(call, 1, &text, &len) < 0)
		return -1;
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return op_throw(call, "RangeError", "descriptor %lld is not for the console",
			(long long)fd);
	write_all((int)fd, text, len);
	return 0;
}

/* A stack for people. */
static int op_stack_text(struct op_call *call)
{
	struct worker *w = op_data(call);
	_cleanup_free_ char *mapped = NULL;
	const char *text;
	size_t len;

	if (op_arg_string(call, 0, &text, &len) < 0)
		return -1;
	mapped = w ? stack_map_text(w, text) : NULL;
	if (mapped)
		op_ret_string(call, mapped, strlen(mapped));
	else
		op_ret_string(call, text, len);
	return 0;
}

/* No finer than the Web's clocks may be (High Resolution Time, section 7). */
#define CLOCK_STEP_NS 5000u

static int op_now(struct op_call *call)
{
	struct worker *w = op_data(call);
	uint64_t ns = w ? loop_clock_ns() - w->origin_ns : 0;

	op_ret_f64(call, (double)(ns - ns % CLOCK_STEP_NS) / 1e6);
	return 0;
}

static int op_time_origin(struct op_call *call)
{
	struct worker *w = op_data(call);

	op_ret_f64(call, w ? w->time_origin_ms : 0);
	return 0;
}

const struct engine_op ops_worker[] = {
	{"workerRest", op_worker_rest},
	{"workerServe", op_worker_serve},
	{"workerAtRest", op_worker_at_rest},
	{"workerExit", op_worker_exit},
	{"workerHold", op_worker_hold},
	{"workerUnhold", op_worker_unhold},
	{"workerArgs", op_worker_args},
	{"workerEnv", op_worker_env},
	{"workerLocation", op_worker_location},
	{"workerFile", op_worker_file},
	{"version", op_version},
	{"write", op_write},
	{"stackText", op_stack_text},
	{"now", op_now},
	{"timeOrigin", op_time_origin},
	{NULL, NULL},
};
