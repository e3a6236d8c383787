/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data_telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/words.h"

/* Another plane, which leaves, still counts: when to look again. */
#define AGAIN_MS 50
#define LOG_MODE 0640

void data_telemetry_init(struct data_telemetry *t, uv_loop_t *loop, struct data_plane *plane)
{
	*t = (struct data_telemetry){.plane = plane};
	uv_timer_init(loop, &t->again);
	uv_unref((uv_handle_t *)&t->again);
	t->again.data = t;
}

static void open_stats(struct data_telemetry *t);

static void on_again(uv_timer_t *timer)
{
	open_stats(timer->data);
}

/* Serving goes on without them. */
static void open_stats(struct data_telemetry *t)
{
	struct err err = ERR_INIT;

	if (stats_open(t->stats_path, &stats_data_form, &t->stats, &err) == 0)
		data_use_stats(t->plane, t->stats);
	else if (err.code == EBUSY)
		uv_timer_start(&t->again, on_again, AGAIN_MS, 0);
	else
		log_error("%s; nothing is counted", err.msg);
}

static void take_stats(struct data_telemetry *t, const char *file)
{
	if (t->stats_path)
		return;
	t->stats_path = strdup(file);
	if (t->stats_path)
		open_stats(t);
}

static void take_spans(struct data_telemetry *t, const char *file)
{
	struct err err = ERR_INIT;

	if (t->spans)
		return;
	if (spans_open(file, &t->spans, &err) == 0)
		data_use_spans(t->plane, t->spans);
	else
		log_error("%s; nothing is traced", err.msg);
}

/* Standard output as a file of its own, whose flags are ours alone; of a socket there is none but itself. */
static int open_stdout(void)
{
	int fd = open("/dev/stdout", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static void take_log(struct data_telemetry *t, const char *file)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	struct err err = ERR_INIT;
	int fd = streq(file, "-") ? open_stdout() : open(file, flags, LOG_MODE);

	if (fd < 0)
		err_set(&err, errno, "open the access log '%s'", file);
	else
		(void)data_log_to(t->plane, fd, &err);
	if (err.code)
		log_error("%s", err.msg);
}

bool data_telemetry_take(struct data_telemetry *t, const char *kind, const char *file)
{
	if (!file)
		return false;
	if (streq(kind, "stats"))
		take_stats(t, file);
	else if (streq(kind, "spans"))
		take_spans(t, file);
	else if (streq(kind, "access-log"))
		take_log(t, file);
	else
		return false;
	return true;
}

void data_telemetry_leave(struct data_telemetry *t)
{
	struct stats *stats = take_ptr(&t->stats);

	uv_timer_stop(&t->again);
	data_use_stats(t->plane, NULL);
	stats_close(stats);
}

void data_telemetry_close(struct data_telemetry *t)
{
	uv_close((uv_handle_t *)&t->again, NULL);
}

void data_telemetry_finish(struct data_telemetry *t)
{
	stats_close(t->stats);
	spans_close(t->spans);
	free(t->stats_path);
}
