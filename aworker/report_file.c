/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --report DIR: a file of JSON about the worker and its process, for those who find out later what
 * went wrong: after an error that nobody caught, when the engine cannot go on, and
 * for each SIGUSR2. Values of the environment are nobody's business, so only names are told.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* Of one process: whoever sends signals cannot fill the disk. */
#define REPORTS_MAX 32

#define NATIVE_FRAMES_MAX 64

#define FILE_FORMAT "%s/aworker-report.%s.%d.%u.json"

static void put_lines(struct json_writer *j, const char *key, const char *text)
{
	json_write_key(j, key);
	json_write_array_begin(j);
	while (text && *text) {
		const size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, len);

		json_write_str(j, line ? line : "");
		text += len + (text[len] == '\n');
	}
	json_write_array_end(j);
}

static void put_error(struct json_writer *j, const char *message, const char *stack)
{
	json_write_key(j, "error");
	json_write_object_begin(j);
	json_write_member_str(j, "message", message);
	put_lines(j, "stack", stack);
	json_write_object_end(j);
}

static void put_strings(struct json_writer *j, const char *key, char *const *v, size_t n)
{
	json_write_key(j, key);
	json_write_array_begin(j);
	for (size_t i = 0; i < n; i++)
		json_write_str(j, v[i]);
	json_write_array_end(j);
}

static void put_heap_spaces(struct json_writer *j, struct engine *e)
{
	struct engine_heap_space space;

	json_write_key(j, "heapSpaces");
	json_write_array_begin(j);
	for (size_t i = 0; engine_measure_space(e, i, &space); i++) {
		json_write_object_begin(j);
		json_write_member_str(j, "name", space.name);
		json_write_member_u64(j, "size", space.size);
		json_write_member_u64(j, "used", space.used);
		json_write_member_u64(j, "available", space.available);
		json_write_object_end(j);
	}
	json_write_array_end(j);
}

/* Up to the first frame of compiled JavaScript, which nobody can look through. */
static void put_native_stack(struct json_writer *j)
{
	void *frames[NATIVE_FRAMES_MAX];
	int n = backtrace(frames, NATIVE_FRAMES_MAX);
	char **names = backtrace_symbols(frames, n);

	put_strings(j, "nativeStack", names, names ? (size_t)n : 0);
	free(names);
}

static void put_seconds(struct json_writer *j, const char *key, const struct timeval *t)
{
	char text[48];

	snprintf(text, sizeof(text), "%lld.%06ld", (long long)t->tv_sec, (long)t->tv_usec);
	json_write_key(j, key);
	json_write_number(j, text);
}

static void put_usage(struct json_writer *j)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	json_write_key(j, "resources");
	json_write_object_begin(j);
	put_seconds(j, "userSeconds", &u.ru_utime);
	put_seconds(j, "systemSeconds", &u.ru_stime);
	json_write_member_u64(j, "maxRssKib", (uint64_t)u.ru_maxrss);
	json_write_member_u64(j, "minorFaults", (uint64_t)u.ru_minflt);
	json_write_member_u64(j, "majorFaults", (uint64_t)u.ru_majflt);
	json_write_member_u64(j, "voluntarySwitches", (uint64_t)u.ru_nvcsw);
	json_write_member_u64(j, "involuntarySwitches", (uint64_t)u.ru_nivcsw);
	json_write_object_end(j);
}

static void put_limits(struct json_writer *j)
{
	static const struct {
		int which;
		const char *name;
	} limits[] = {{RLIMIT_AS, "addressSpace"}, {RLIMIT_CORE, "core"},
		{RLIMIT_CPU, "cpuSeconds"}, {RLIMIT_DATA, "data"}, {RLIMIT_FSIZE, "fileSize"},
		{RLIMIT_NOFILE, "descriptors"}, {RLIMIT_NPROC, "processes"},
		{RLIMIT_STACK, "stack"}};
	struct rlimit limit;

	json_write_key(j, "limits");
	json_write_object_begin(j);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (getrlimit(limits[i].which, &limit) < 0)
			continue;
		if (limit.rlim_cur == RLIM_INFINITY) {
			json_write_key(j, limits[i].name);
			json_write_null(j);
		} else {
			json_write_member_u64(j, limits[i].name, limit.rlim_cur);
		}
	}
	json_write_object_end(j);
}

static void put_environment(struct json_writer *j, const char *const *env)
{
	json_write_key(j, "environmentNames");
	json_write_array_begin(j);
	for (; env && *env; env++) {
		_cleanup_free_ char *name = strndup(*env, strcspn(*env, "="));

		json_write_str(j, name ? name : "");
	}
	json_write_array_end(j);
}

static void put_report(struct json_writer *j, struct worker *w, const char *reason,
	bool engine_fails, const char *message, const char *stack)
{
	json_write_object_begin(j);
	json_write_member_u64(j, "reportVersion", 1);
	json_write_member_str(j, "reason", reason);
	json_write_member_u64(j, "timeSeconds", (uint64_t)time(NULL));
	json_write_member_u64(j, "pid", (uint64_t)getpid());
	if (message)
		put_error(j, message, stack);
	if (!engine_fails) {
		report_put_members(w, j);
		put_heap_spaces(j, w->engine);
	}
	put_native_stack(j);
	put_usage(j);
	put_limits(j);
	put_strings(j, "imports", w->files, w->n_files);
	put_environment(j, w->env);
	json_write_object_end(j);
}

static int write_file(struct worker *w, const struct buf *text, struct err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	buf_printf(&path, FILE_FORMAT, w->options.report, stamp, (int)getpid(), w->n_reports);
	if (buf_failed(&path) || buf_failed(text))
		return err_oom(err);
	if (file_write_atomic(AT_FDCWD, path.data, text->data, text->len, 0600, err) < 0)
		return -err->code;
	worker_say("report: %s", path.data);
	return 0;
}

static void write_report(struct worker *w, const char *reason, bool engine_fails,
	const char *message, const char *stack)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct json_writer j;

	if (!w || !w->options.report || w->n_reports == REPORTS_MAX)
		return;
	w->n_reports++;
	json_writer_init(&j, &text, true);
	put_report(&j, w, reason, engine_fails, message, stack);
	if (write_file(w, &text, &err) < 0)
		worker_say("report: %s, ignoring", err.msg);
}

void report_of_error(struct worker *w, const char *message, const char *stack)
{
	_cleanup_free_ char *mapped_message = NULL, *mapped_stack = NULL;

	if (!w || !w->options.report)
		return;
	mapped_message = stack_map_text(w, message);
	mapped_stack = stack ? stack_map_text(w, stack) : NULL;
	write_report(w, "uncaught error", false, mapped_message ? mapped_message : message,
		mapped_stack ? mapped_stack : stack);
}

void report_of_signal(struct worker *w)
{
	write_report(w, "SIGUSR2", false, NULL, NULL);
}

void report_of_engine(struct worker *w, const char *message)
{
	write_report(w, "the engine cannot go on", true, message, NULL);
}
